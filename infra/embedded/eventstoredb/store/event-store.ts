import { randomUUID } from 'node:crypto';
import type { EventLog } from '../log/event-log.ts';
import type { LoggedEvent, ProposedEvent } from '../log/logged-event.ts';
import { recordEvent, tombstoneRevision } from '../log/logged-event.ts';
import type { AppendDecision, ExpectedRevision } from './append-check.ts';
import { checkAppend, RecentIds } from './append-check.ts';
import { isMetastream, metadataType, metastreamOf, originalOf, softDeleteMetadata, withTruncateBefore } from './stream-metadata.ts';
import { StreamStates } from './stream-states.ts';

export type WriteResult =
  /** `revision` is -1 when the stream is still empty; `position` is missing when nothing was written or it is not readable any more. */
  | { readonly kind: 'written'; readonly revision: number; readonly position: number | undefined }
  | Exclude<AppendDecision, { kind: 'write' | 'already-written' }>;

/** The disk refused a write, of which nothing was kept, or a sync, after which nobody knows; then the process ends. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
}

interface WaitingWrite {
  readonly run: () => WriteResult;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: Error) => void;
}

/** What was written in one transaction, and ends at `end`. */
interface Commit {
  readonly writes: readonly WaitingWrite[];
  readonly results: readonly WriteResult[];
  readonly events: readonly LoggedEvent[];
  readonly end: number;
}

type CommitListener = (events: readonly LoggedEvent[]) => void;

/** How many waiting writes share one commit at most, so that readers get their turn. */
const maxWritesPerCommit = 1024;

/**
 * The one writer of the log. Writes that arrive in one turn of the loop share a commit; commits that are written while the disk syncs
 * earlier ones share the next sync. Nobody is answered, and nobody reads an event, before the disk has it.
 */
export class EventStore {
  readonly log: EventLog;
  readonly states: StreamStates;
  /** What lies before this position is on disk; readers see no further. */
  durableEnd: number;
  private readonly recentIds = new RecentIds();
  private readonly listeners = new Set<CommitListener>();
  private readonly now: () => number;
  private waiting: WaitingWrite[] = [];
  private written: LoggedEvent[] = [];
  private unsynced: Commit[] = [];
  private syncing = false;

  constructor(log: EventLog, now: () => number = Date.now) {
    this.log = log;
    this.now = now;
    this.states = new StreamStates(log);
    this.durableEnd = log.end();
  }

  /** Calls back after each commit, in order, with its events. Returns how to stop that. */
  onCommit(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @throws StorageFailure */
  append(stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): Promise<WriteResult> {
    return this.submit(() => {
      const decision = this.check(stream, expected, events);
      if (decision.kind === 'already-written') {
        const original = this.log.readStreamForwards(stream, decision.revision, 1)[0];
        return { kind: 'written', revision: decision.revision, position: original?.position };
      }
      if (decision.kind !== 'write') return decision;
      const before = this.states.of(stream);
      const first = before.head + 1;
      const original = isMetastream(stream) ? originalOf(stream) : undefined;
      const revives = original !== undefined && this.states.of(original).metadata.deleted;
      const last = this.write(stream, first, events);
      if (before.metadata.deleted) this.truncateBefore(stream, first);
      // Metadata written to a soft-deleted stream bring it back, empty.
      if (revives) this.truncateBefore(original, this.states.of(original).head + 1);
      return { kind: 'written', revision: last?.revision ?? before.head, position: last?.position };
    });
  }

  /** Hides all events of a stream; a later append continues its numbers. @throws StorageFailure */
  softDelete(stream: string, expected: ExpectedRevision): Promise<WriteResult> {
    return this.submit(() => {
      const decision = this.check(stream, expected, [{ id: randomUUID() }]);
      if (decision.kind === 'stream-deleted' || decision.kind === 'wrong-expected-version') return decision;
      if (this.states.of(stream).head < 0 && !this.states.hasMetastream(stream)) return { kind: 'wrong-expected-version', current: -1 };
      const event = this.writeMetadata(stream, softDeleteMetadata);
      return { kind: 'written', revision: event.revision, position: event.position };
    });
  }

  /** Deletes a stream for good: its name can never be used again. @throws StorageFailure */
  tombstone(stream: string, expected: ExpectedRevision): Promise<WriteResult> {
    return this.submit(() => {
      const decision = this.check(stream, expected, [{ id: randomUUID() }]);
      if (decision.kind === 'stream-deleted' || decision.kind === 'wrong-expected-version') return decision;
      const event = this.write(stream, tombstoneRevision, [systemEvent('$streamDeleted', Buffer.alloc(0), false)]);
      return { kind: 'written', revision: tombstoneRevision, position: event?.position };
    });
  }

  /** Resolves when everything that was submitted before this call is answered, whatever comes meanwhile. */
  async drain(): Promise<void> {
    const nothing = this.submit(() => ({ kind: 'written', revision: -1, position: undefined }));
    // When the disk refuses the commit that it is part of, the others in it are answered too.
    await nothing.catch(() => undefined);
  }

  /** Nobody may submit any more. */
  async close(): Promise<void> {
    while (this.syncing || this.waiting.length > 0) await this.drain();
    await this.log.close();
  }

  private submit(run: () => WriteResult): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ run, resolve, reject });
      // What else arrives in this turn of the loop comes along.
      if (this.waiting.length === 1) setImmediate(() => this.commitWaiting());
    });
  }

  private commitWaiting(): void {
    const writes = this.waiting.splice(0, maxWritesPerCommit);
    if (this.waiting.length > 0) setImmediate(() => this.commitWaiting());
    const results = this.runAll(writes);
    if (!results) return;
    this.unsynced.push({ writes, results, events: this.written, end: this.log.end() });
    this.written = [];
    if (!this.syncing) void this.syncAll();
  }

  private async syncAll(): Promise<void> {
    this.syncing = true;
    while (this.unsynced.length > 0) {
      const commits = this.unsynced;
      this.unsynced = [];
      try {
        await this.log.sync();
      } catch (error) {
        for (const { writes } of commits) for (const write of writes) write.reject(new StorageFailure(messageOf(error)));
        // What the disk has is unknown now. The process ends; the next one reads what is there.
        throw error;
      }
      for (const commit of commits) this.settle(commit);
    }
    this.syncing = false;
  }

  private settle({ writes, results, events, end }: Commit): void {
    this.durableEnd = end;
    for (const [index, write] of writes.entries()) {
      const result = results[index];
      if (result) write.resolve(result);
    }
    if (events.length > 0) for (const listener of this.listeners) listener(events);
  }

  /** Runs writes in one transaction; when the storage fails all of them are refused, and undone. */
  private runAll(writes: readonly WaitingWrite[]): WriteResult[] | undefined {
    try {
      return this.log.transaction(() => writes.map((write) => write.run()));
    } catch (error) {
      this.written = [];
      this.states.forget();
      this.recentIds.forget();
      for (const write of writes) write.reject(new StorageFailure(messageOf(error)));
      return undefined;
    }
  }

  private check(stream: string, expected: ExpectedRevision, events: readonly { readonly id: string }[]): AppendDecision {
    return checkAppend(
      stream,
      expected,
      events.map((event) => event.id),
      { states: this.states, recentIds: this.recentIds, log: this.log },
    );
  }

  private write(stream: string, first: number, events: readonly ProposedEvent[]): LoggedEvent | undefined {
    const createdAt = this.now();
    let last: LoggedEvent | undefined;
    for (const [index, event] of events.entries()) {
      last = recordEvent(event, stream, first + index, this.log.end(), createdAt);
      this.log.write(last);
      this.states.written(last);
      this.recentIds.remember(event.id, stream, last.revision);
      this.written.push(last);
    }
    return last;
  }

  private writeMetadata(stream: string, data: Buffer): LoggedEvent {
    const metastream = metastreamOf(stream);
    const event = this.write(metastream, this.states.of(metastream).head + 1, [systemEvent(metadataType, data, true)]);
    if (!event) throw new Error('Nothing was written.');
    return event;
  }

  private truncateBefore(stream: string, revision: number): void {
    this.writeMetadata(stream, withTruncateBefore(this.states.lastMetadataEvent(stream)?.content().data, revision));
  }
}

function systemEvent(type: string, data: Buffer, isJson: boolean): ProposedEvent {
  return { id: randomUUID(), type, isJson, data, customMetadata: Buffer.alloc(0) };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
