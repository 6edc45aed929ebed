import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { StandInRequest } from '../http/server.ts';

/** The one key pair that the stand-ins accept. */
export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Why a request is not authentic; `code` is one of S3's error codes. */
export class NotAuthentic extends Error {
  constructor(
    readonly code:
      | 'AccessDenied'
      | 'InvalidAccessKeyId'
      | 'RequestTimeTooSkewed'
      | 'SignatureDoesNotMatch'
      | 'XAmzContentSHA256Mismatch'
      | 'MissingAuthenticationToken',
    message: string,
  ) {
    super(message);
  }
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SKEW_MS = 15 * 60 * 1000;
const LONGEST_PRESIGNED_SECONDS = 7 * 24 * 3600;

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** Percent-encoding as AWS wants it. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** `20260102T030405Z` as milliseconds; NaN when it is malformed. */
function parseAmzDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  return match
    ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]), Number(match[4]), Number(match[5]), Number(match[6]))
    : NaN;
}

/** The signature of a string under the key derived for a scope `day/region/service/aws4_request`. */
function sign(keys: AwsKeys, scope: string, text: string): string {
  const derived = scope.split('/').reduce<string | Buffer>((key, part) => hmac(key, part), `AWS4${keys.secretAccessKey}`);
  return hmac(derived, text).toString('hex');
}

function checkSignature(expected: string, given: string): void {
  if (expected.length === given.length && timingSafeEqual(Buffer.from(expected), Buffer.from(given))) return;
  throw new NotAuthentic('SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.');
}

/** The scope of a credential `key/day/region/service/aws4_request`, whose key must be ours and whose service the one called. */
function scopeOf(keys: AwsKeys, service: string, credential: string): string {
  const [accessKeyId, ...scope] = credential.split('/');
  if (accessKeyId !== keys.accessKeyId)
    throw new NotAuthentic('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  if (scope.length !== 4 || scope[2] !== service)
    throw new NotAuthentic('SignatureDoesNotMatch', 'The credential is scoped to another service.');
  return scope.join('/');
}

function canonicalQuery(rawQuery: string): string {
  const pairs = [...new URLSearchParams(rawQuery.replaceAll('+', '%2B'))].filter(([name]) => name !== 'X-Amz-Signature');
  return pairs
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

function canonicalRequest(request: StandInRequest, signedHeaders: string[], payloadHash: string): string {
  const headers = signedHeaders
    .map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replaceAll(/ +/g, ' ')}\n`,
    )
    .join('');
  return [request.method, request.rawPath, canonicalQuery(request.rawQuery), headers, signedHeaders.join(';'), payloadHash].join('\n');
}

function verifyHeader(keys: AwsKeys, service: string, request: StandInRequest, authorization: string): void {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(authorization);
  if (!match) throw new NotAuthentic('AccessDenied', 'The authorization header is malformed.');
  const [, credential = '', signedHeaders = '', signature = ''] = match;
  const scope = scopeOf(keys, service, credential);
  const date = String(request.headers['x-amz-date'] ?? '');
  if (!(Math.abs(Date.now() - parseAmzDate(date)) <= SKEW_MS))
    throw new NotAuthentic('RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.');
  const declared = request.headers['x-amz-content-sha256'];
  const bodyHash = sha256(request.body);
  if (typeof declared === 'string' && /^[0-9a-f]{64}$/.test(declared) && declared !== bodyHash) {
    throw new NotAuthentic('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  const canonical = canonicalRequest(request, signedHeaders.split(';'), typeof declared === 'string' ? declared : bodyHash);
  checkSignature(sign(keys, scope, [ALGORITHM, date, scope, sha256(canonical)].join('\n')), signature);
}

function verifyPresigned(keys: AwsKeys, service: string, request: StandInRequest): void {
  const { query } = request;
  const scope = scopeOf(keys, service, query.get('X-Amz-Credential') ?? '');
  const date = query.get('X-Amz-Date') ?? '';
  const seconds = Number(query.get('X-Amz-Expires'));
  if (!(seconds > 0 && seconds <= LONGEST_PRESIGNED_SECONDS))
    throw new NotAuthentic('AccessDenied', 'X-Amz-Expires must be between 1 and 604800 seconds');
  const age = Date.now() - parseAmzDate(date);
  if (!(age >= -SKEW_MS && age < seconds * 1000)) throw new NotAuthentic('AccessDenied', 'Request has expired');
  const signedHeaders = (query.get('X-Amz-SignedHeaders') ?? '').split(';');
  const canonical = canonicalRequest(request, signedHeaders, query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD');
  checkSignature(sign(keys, scope, [ALGORITHM, date, scope, sha256(canonical)].join('\n')), query.get('X-Amz-Signature') ?? '');
}

/** Checks the AWS signature (version 4) of a request, in its header or, for a presigned address, in its query. Throws `NotAuthentic`. */
export function verifyRequest(keys: AwsKeys, service: string, request: StandInRequest): void {
  const { authorization } = request.headers;
  if (authorization !== undefined) verifyHeader(keys, service, request, authorization);
  else if (request.query.has('X-Amz-Signature')) verifyPresigned(keys, service, request);
  else throw new NotAuthentic('MissingAuthenticationToken', 'The request is not signed.');
}

/** Checks the signature of the policy of a presigned POST. Throws `NotAuthentic`. */
export function verifyPolicy(keys: AwsKeys, fields: { policy: string; credential: string; signature: string }): void {
  const scope = scopeOf(keys, 's3', fields.credential);
  checkSignature(sign(keys, scope, fields.policy), fields.signature);
}
