import { Metadata, status } from '@grpc/grpc-js';

const longestText = 4096;

/** How a call ends when it does not end well: the status, and the trailers from which the client makes its typed error. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;

  constructor(code: status, details: string, trailers: Readonly<Record<string, string>> = {}) {
    super(details);
    this.code = code;
    this.details = details.slice(0, longestText).toWellFormed();
    this.metadata = new Metadata();
    for (const [key, value] of Object.entries(trailers)) this.metadata.set(key, asciiOnly(value));
  }
}

/** Trailers hold printable ASCII only; other characters are percent-encoded. */
function asciiOnly(value: string): string {
  return value
    .slice(0, longestText)
    .toWellFormed()
    .replaceAll(/[^ -~]/gu, (character) => encodeURIComponent(character));
}

/** What a failure inside a handler becomes on the wire; nothing of its text leaves the server. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof Error && error.name === 'StorageFailure')
    return new RpcError(status.UNAVAILABLE, 'The storage failed; whether anything was written is not known.');
  if (error instanceof Error && error.name === 'MalformedMessage') return new RpcError(status.INVALID_ARGUMENT, error.message);
  return new RpcError(status.UNKNOWN, 'Exception was thrown by handler.');
}

export const unknownError = (): RpcError => new RpcError(status.UNKNOWN, 'Exception was thrown by handler.');

export const streamDeleted = (stream: string): RpcError =>
  new RpcError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, { exception: 'stream-deleted', 'stream-name': stream });

/** `expected` and `actual` are revisions, or the negative numbers that stand for the words: any -2, no stream -1, exists -4. */
export const wrongExpectedVersion = (stream: string, expected: bigint, actual: number): RpcError =>
  new RpcError(
    status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(expected),
      'actual-version': String(actual),
    },
  );

export const maximumAppendSizeExceeded = (limit: number): RpcError =>
  new RpcError(status.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(limit),
  });

export const missingRequiredMetadata = (missing: string): RpcError =>
  new RpcError(status.INVALID_ARGUMENT, `Required Metadata Property '${missing}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
