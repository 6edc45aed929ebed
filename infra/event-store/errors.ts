/** The stream is not at the revision that the decision was based on. Nothing was written. `actual` is undefined for a stream without events. */
export class WrongRevision extends Error {
  constructor(
    readonly stream: string,
    readonly expected: number | 'no_stream' | 'any',
    readonly actual: number | undefined,
  ) {
    super(`Stream ${stream} is at ${actual ?? 'no revision'}, expected was ${expected}`);
    this.name = 'WrongRevision';
  }
}

/** The stream was tombstoned: it can be neither read nor written again. */
export class StreamGone extends Error {
  constructor(readonly stream: string) {
    super(`Stream ${stream} has been deleted for good`);
    this.name = 'StreamGone';
  }
}

/** The events of one append are larger than the store takes at once. Nothing was written. */
export class AppendTooLarge extends Error {
  constructor(
    readonly stream: string,
    readonly bytes: number,
  ) {
    super(`${bytes} bytes for stream ${stream} are too many for one append`);
    this.name = 'AppendTooLarge';
  }
}

/** An event that JSON cannot hold, such as one with a bigint or a cycle. Nothing was sent. */
export class NotSerialisable extends Error {
  constructor(eventType: string, cause: unknown) {
    super(`${eventType} cannot be written as JSON`, { cause });
    this.name = 'NotSerialisable';
  }
}

/** The store did not answer in time, however often it was asked. A write may have happened; the same command id finds out. */
export class EventStoreUnavailable extends Error {
  constructor(doing: string, cause: unknown) {
    super(`The event store did not answer: ${doing}`, { cause });
    this.name = 'EventStoreUnavailable';
  }
}

/** The store understood and said no, for a reason that asking again does not change (rights, arguments). */
export class EventStoreRefused extends Error {
  constructor(doing: string, cause: unknown) {
    super(`The event store refused: ${doing}`, { cause });
    this.name = 'EventStoreRefused';
  }
}

/** Our own timer ran out: the client has none of its own for batch appends, reads and subscriptions. */
export class NoAnswer extends Error {
  constructor(milliseconds: number) {
    super(`No answer within ${milliseconds} ms`);
    this.name = 'NoAnswer';
  }
}

/** Another append or read broke the connection that this one was waiting on. */
export class Interrupted extends Error {
  constructor() {
    super('The connection was given up while waiting');
    this.name = 'Interrupted';
  }
}

export type Failure = 'wrong_revision' | 'stream_gone' | 'too_large' | 'no_stream' | 'refused' | 'transient';

const BY_TYPE: Readonly<Record<string, Failure>> = {
  'wrong-expected-version': 'wrong_revision',
  'stream-deleted': 'stream_gone',
  'maximum-append-size-exceeded': 'too_large',
  'stream-not-found': 'no_stream',
  'access-denied': 'refused',
  'invalid-argument': 'refused',
  'invalid-transaction': 'refused',
  'missing-required-metadata-property': 'refused',
  unsupported: 'refused',
};

/** gRPC statuses that asking again does not change: INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const REFUSING_STATUSES: ReadonlySet<unknown> = new Set([3, 7, 12, 16]);

/**
 * What an error of the client means. By its `type`, else its gRPC `code`: not every error is one of the client's classes
 * (a failing capability call rejects with a bare ServiceError, discovery with a bare Error). Whatever is not known to be final is transient.
 */
export function failureOf(error: unknown): Failure {
  if (typeof error !== 'object' || error === null) return 'transient';
  const known = 'type' in error && typeof error.type === 'string' ? BY_TYPE[error.type] : undefined;
  if (known !== undefined) return known;
  return 'code' in error && REFUSING_STATUSES.has(error.code) ? 'refused' : 'transient';
}

/** Whether the server said so in its answer to this one append, and not the connection that all appends share. */
export function isAnswer(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'type' in error && !('code' in error && error.code !== undefined);
}
