import type { LoggedEvent } from './logged-event.ts';

/** At most this many bytes of events are handed out by one read of the log, so that a page of huge events stays small. */
export const maxPageBytes = 1 << 20;

/**
 * The storage: one log of events, found by position and by stream and revision. It is synchronous but for `sync`; nobody else writes to it.
 * Pages are in order of position or revision, end early at `maxPageBytes` but never empty while there is something to read.
 */
export interface EventLog {
  /** The position at which the next event goes: behind the last one, never 0. */
  end(): number;
  /** The highest revision of a stream, -1 when it has no events. */
  headOf(stream: string): number;
  /** Runs `work`, whose writes are kept as a whole, or not at all when it throws; `sync` makes them durable. */
  transaction<T>(work: () => T): T;
  /** Only inside a transaction; positions and revisions are the caller's to get right. */
  write(event: LoggedEvent): void;
  /** Events at or after a position. */
  readAllForwards(from: number, limit: number): LoggedEvent[];
  /** Events strictly before a position, newest first. */
  readAllBackwards(before: number, limit: number): LoggedEvent[];
  /** Events of a stream from a revision on. */
  readStreamForwards(stream: string, from: number, limit: number): LoggedEvent[];
  /** Events of a stream from a revision down, newest first. */
  readStreamBackwards(stream: string, from: number, limit: number): LoggedEvent[];
  /** Resolves when every transaction that returned before this call is on the disk. When it rejects nobody knows what is. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What a record of the log takes besides its event: see `log-file.ts`. */
export const recordOverhead = 12;

/** Where the first event goes; 0 means "the start" to every client. */
export const firstPosition = 64;

/** The place behind an event: positions are distances in the log, so they grow by what an event takes. */
export function positionAfter(event: LoggedEvent): number {
  return event.position + event.recorded.length + recordOverhead;
}
