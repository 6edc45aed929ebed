import type { StandInAnswer, StandInRequest } from '../../http/server.ts';
import { xmlDocument } from '../xml.ts';
import { contentOf, keptHeaders } from './body.ts';
import { S3Error } from './errors.ts';
import type { ObjectEntry, ObjectStore } from './store.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

const xml = (root: string, elements: Parameters<typeof xmlDocument>[1]): StandInAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: xmlDocument(root, elements, NAMESPACE),
});

function entryHeaders(entry: ObjectEntry, request: StandInRequest): Record<string, string> {
  const overrides = ['content-type', 'content-disposition', 'cache-control'].flatMap((name) => {
    const value = request.query.get(`response-${name}`);
    return value === null ? [] : [[name, value] as const];
  });
  const withChecksum = request.headers['x-amz-checksum-mode'] === 'ENABLED' && request.headers.range === undefined;
  return {
    ...entry.headers,
    ...Object.fromEntries(overrides),
    ...(withChecksum ? { 'x-amz-checksum-crc32': entry.crc32, 'x-amz-checksum-type': 'FULL_OBJECT' } : {}),
    etag: entry.etag,
    'last-modified': new Date(entry.modified).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

/** The bytes of a `Range` header as first and last; undefined when all are wanted. */
function rangeOf(header: string | undefined, size: number): [number, number] | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match) return undefined;
  const [, from = '', to = ''] = match;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last) throw new S3Error(416, 'InvalidRange', 'The requested range is not satisfiable');
  return [first, last];
}

export async function getObject(store: ObjectStore, request: StandInRequest, bucket: string, key: string): Promise<StandInAnswer> {
  const entry = store.get(bucket, key);
  const headers = entryHeaders(entry, request);
  const range = rangeOf(request.headers.range, entry.size);
  if (request.method === 'HEAD') return { status: 200, headers: { ...headers, 'content-length': String(entry.size) } };
  const content = await store.read(entry);
  if (!range) return { status: 200, headers, body: content };
  const [first, last] = range;
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${first}-${last}/${entry.size}` },
    body: content.subarray(first, last + 1),
  };
}

export async function putObject(store: ObjectStore, request: StandInRequest, bucket: string, key: string): Promise<StandInAnswer> {
  if (request.headers['if-none-match'] === '*' && store.find(bucket, key)) {
    throw new S3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  const entry = await store.put(bucket, key, contentOf(request), keptHeaders(request.headers));
  return { status: 200, headers: { etag: entry.etag, 'x-amz-checksum-crc32': entry.crc32 } };
}

export async function copyObject(store: ObjectStore, request: StandInRequest, bucket: string, key: string): Promise<StandInAnswer> {
  const source = decodeURIComponent(String(request.headers['x-amz-copy-source'])).replace(/^\//, '');
  const [sourceBucket = '', sourceKey = ''] = source.split(/\/(.*)/s);
  const from = store.get(sourceBucket, sourceKey);
  const headers = request.headers['x-amz-metadata-directive'] === 'REPLACE' ? keptHeaders(request.headers) : from.headers;
  const entry = await store.put(bucket, key, await store.read(from), headers);
  return xml('CopyObjectResult', { ETag: entry.etag, LastModified: new Date(entry.modified).toISOString() });
}

export function deleteObject(store: ObjectStore, bucket: string, key: string): StandInAnswer {
  store.remove(bucket, key);
  return { status: 204 };
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal === undefined ? (named[name ?? ''] ?? whole) : String.fromCodePoint(Number(decimal));
  });
}

/** Deletes many objects at once. */
export function deleteObjects(store: ObjectStore, request: StandInRequest, bucket: string): StandInAnswer {
  const keys = [
    ...contentOf(request)
      .toString('utf8')
      .matchAll(/<Key>([\s\S]*?)<\/Key>/g),
  ].map((match) => unescapeXml(match[1] ?? ''));
  for (const key of keys) store.remove(bucket, key);
  return xml('DeleteResult', { Deleted: keys.map((Key) => ({ Key })) });
}

/** A page of a bucket's keys (version 2 of the listing). */
export function listObjects(store: ObjectStore, request: StandInRequest, bucket: string): StandInAnswer {
  const { query } = request;
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const most = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString('utf8');
  const contents: ObjectEntry[] = [];
  const folders: string[] = [];
  let last = '';
  let truncated = false;
  for (const entry of store.list(bucket, prefix, after)) {
    const cut = delimiter === null || delimiter === '' ? -1 : entry.key.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? undefined : entry.key.slice(0, cut + (delimiter?.length ?? 0));
    if (folder !== undefined && (folder === folders.at(-1) || after.startsWith(folder))) {
      last = entry.key;
      continue;
    }
    if (contents.length + folders.length === most) {
      truncated = true;
      break;
    }
    if (folder === undefined) contents.push(entry);
    else folders.push(folder);
    last = entry.key;
  }
  return xml('ListBucketResult', {
    Name: bucket,
    Prefix: prefix,
    Delimiter: delimiter ?? undefined,
    MaxKeys: most,
    KeyCount: contents.length + folders.length,
    IsTruncated: truncated,
    NextContinuationToken: truncated ? Buffer.from(last).toString('base64url') : undefined,
    Contents: contents.map(({ key, modified, etag, size }) => ({
      Key: key,
      LastModified: new Date(modified).toISOString(),
      ETag: etag,
      Size: size,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: folders.map((Prefix) => ({ Prefix })),
  });
}
