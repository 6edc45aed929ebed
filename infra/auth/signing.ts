import { randomUUID } from 'node:crypto';
import { ACTING_ADMIN } from './signed-requests.ts';
import { ALGORITHM, signatureOf } from './signature.ts';

/** A request to the internal API before it is signed. */
export interface InternalRequest {
  readonly method: string;
  readonly url: URL;
  readonly body?: string;
  /** User id of the admin for whom the service acts. */
  readonly actingAdmin?: string;
  /** Time of the signature; default: now. */
  readonly at?: Date;
}

/**
 * The headers that sign a request to the internal API with a service's key; send exactly these besides the content type.
 * Each call gives another signature, because none is taken twice.
 */
export function signedHeaders(
  request: InternalRequest,
  key: { readonly service: string; readonly secret: string },
): Record<string, string> {
  const date = (request.at ?? new Date()).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = {
    host: request.url.host,
    'x-amz-date': date,
    'x-nonce': randomUUID(),
    ...(request.actingAdmin === undefined ? {} : { [ACTING_ADMIN]: request.actingAdmin }),
  };
  const names = Object.keys(headers).sort();
  const scope = 'local/chalkstream/aws4_request';
  const signature = signatureOf({
    method: request.method,
    url: `${request.url.pathname}${request.url.search}`,
    headers,
    signedHeaders: names,
    body: request.body ?? '',
    date,
    scope,
    secret: key.secret,
  });
  const authorization = `${ALGORITHM} Credential=${key.service}/${date.slice(0, 8)}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}
