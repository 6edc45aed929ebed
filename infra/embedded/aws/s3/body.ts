import type { StandInRequest } from '../../http/server.ts';
import { S3Error } from './errors.ts';
import { checksum } from './store.ts';

/** Takes `aws-chunked` framing apart: `length;extensions CRLF data CRLF … 0 CRLF trailers CRLF`. */
function dechunk(framed: Buffer): { content: Buffer; trailers: Record<string, string> } {
  const parts: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const lineEnd = framed.indexOf('\r\n', offset);
    if (lineEnd < 0) throw new S3Error(400, 'IncompleteBody', 'The request body terminated unexpectedly');
    const length = Number.parseInt(framed.subarray(offset, lineEnd).toString('latin1'), 16);
    offset = lineEnd + 2;
    if (length === 0) break;
    parts.push(framed.subarray(offset, offset + length));
    offset += length + 2;
  }
  const lines = framed.subarray(offset).toString('latin1').split('\r\n');
  const trailers = lines.flatMap((line) => {
    const [name, value] = line.split(/:\s*(.*)/s);
    return name && value !== undefined ? [[name.toLowerCase(), value.trim()]] : [];
  });
  return { content: Buffer.concat(parts), trailers: Object.fromEntries(trailers) as Record<string, string> };
}

/** The content of an upload, unframed and with its declared checksum compared. */
export function contentOf(request: StandInRequest): Buffer {
  const declaredHash = String(request.headers['x-amz-content-sha256'] ?? '');
  // S3's own answer to what a server does not offer. The SDK signs chunks only when it is told to, and we never tell it.
  if (declaredHash.startsWith('STREAMING-AWS4')) throw new S3Error(501, 'NotImplemented', 'Signed chunks are not implemented.');
  const framed = declaredHash.startsWith('STREAMING-') || String(request.headers['content-encoding'] ?? '').includes('aws-chunked');
  const { content, trailers } = framed ? dechunk(request.body) : { content: request.body, trailers: {} };
  const declared = trailers['x-amz-checksum-crc32'] ?? request.headers['x-amz-checksum-crc32'];
  if (declared !== undefined && declared !== checksum(content)) {
    throw new S3Error(400, 'BadDigest', 'The CRC32 you specified did not match the calculated checksum.');
  }
  return content;
}

const KEPT = new Set(['content-type', 'content-disposition', 'content-language', 'cache-control', 'x-amz-server-side-encryption']);

/** The headers of an upload that come back with the object. */
export function keptHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => KEPT.has(name) || name.startsWith('x-amz-meta-'));
  return { 'content-type': 'binary/octet-stream', ...(Object.fromEntries(kept) as Record<string, string>) };
}
