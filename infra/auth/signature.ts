import { createHash, createHmac } from 'node:crypto';

/** What a signature in AWS's SigV4 form covers. */
export interface SignedParts {
  readonly method: string;
  /** Path and query as they are on the wire. */
  readonly url: string;
  /** Lower-case names; only those listed in `signedHeaders` count. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lower-case, sorted. */
  readonly signedHeaders: readonly string[];
  readonly body: Uint8Array | string;
  /** `YYYYMMDDTHHMMSSZ` */
  readonly date: string;
  /** `region/service/aws4_request` behind the day. */
  readonly scope: string;
  readonly secret: string;
}

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The signature of a request (SigV4, header form, single chunk): lower-case hex. */
export function signatureOf(parts: SignedParts): string {
  const day = parts.date.slice(0, 8);
  const text = [ALGORITHM, parts.date, `${day}/${parts.scope}`, sha256(canonicalRequest(parts))].join('\n');
  const key = [day, ...parts.scope.split('/')].reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${parts.secret}`);
  return hmac(key, text).toString('hex');
}

function canonicalRequest({ method, url, headers, signedHeaders, body }: SignedParts): string {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? '' : url.slice(mark + 1);
  const lines = signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`);
  return [method, canonicalPath(path), canonicalQuery(query), lines.join(''), signedHeaders.join(';'), sha256(body)].join('\n');
}

/** Every service but S3 encodes the path once more than the wire does. */
function canonicalPath(path: string): string {
  return escape(path).replaceAll('%2F', '/');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return `${escape(decode(name))}=${escape(decode(value.join('=')))}`;
    })
    .sort()
    .join('&');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign stands for itself; whoever signs it otherwise does not match.
    return text;
  }
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, data: string): Buffer => createHmac('sha256', key).update(data).digest();
