import { randomUUID } from 'node:crypto';
import type { EventLog } from '../log/event-log.ts';
import type { LoggedEvent, ProposedEvent } from '../log/logged-event.ts';
import { recordEvent, tombstoneRevision } from '../log/logged-event.ts';
import type { AppendDecision, ExpectedRevision } from './append-check.ts';
import { checkAppend, RecentIds } from './append-check.ts';
import { RecentEvents } from './recent-events.ts';
import { isMetastream, metadataType, metastreamOf, originalOf, softDeleteMetadata, withTruncateBefore } from './stream-metadata.ts';
import { StreamStates } from './stream-states.ts';

export type WriteResult =
  /** `revision` is -1 when the stream is still empty; `position` is missing when nothing was written or it is not readable any more. */
  | { readonly kind: 'written'; readonly revision: number; readonly position: number | undefined }
  | Exclude<AppendDecision, { kind: 'write' | 'already-written' }>;

/** The disk refused a write; nothing of it was kept. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
}

interface WaitingWrite {
  readonly run: () => WriteResult;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: Error) => void;
}

type CommitListener = (events: readonly LoggedEvent[]) => void;

/** How many waiting writes share one commit at most, so that readers get their turn. */
const maxWritesPerCommit = 1024;

/**
 * The one writer of the log. Writes that arrive while the loop is busy are checked one after the other and share one commit; each is
 * answered only when the log says that the commit is durable.
 */
export class EventStore {
  readonly log: EventLog;
  readonly states: StreamStates;
  readonly recent = new RecentEvents();
  private readonly recentIds = new RecentIds();
  private readonly listeners = new Set<CommitListener>();
  private readonly now: () => number;
  private waiting: WaitingWrite[] = [];
  private written: LoggedEvent[] = [];
  private scheduled = false;

  constructor(log: EventLog, now: () => number = Date.now) {
    this.log = log;
    this.now = now;
    this.states = new StreamStates(log);
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

  /** Commits everything that waits, now. */
  flush(): void {
    while (this.waiting.length > 0) this.commit();
  }

  close(): void {
    this.flush();
    this.log.close();
  }

  private submit(run: () => WriteResult): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ run, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.commit();
      this.schedule();
    });
  }

  private commit(): void {
    const writes = this.waiting.splice(0, maxWritesPerCommit);
    if (writes.length === 0) return;
    let results: WriteResult[];
    try {
      results = this.log.transaction(() => writes.map((write) => write.run()));
    } catch (error) {
      this.written = [];
      this.states.forget();
      this.recentIds.forget();
      const failure = new StorageFailure(error instanceof Error ? error.message : String(error));
      for (const write of writes) write.reject(failure);
      return;
    }
    const committed = this.written;
    this.written = [];
    this.recent.add(committed);
    for (const [index, write] of writes.entries()) {
      const result = results[index];
      if (result) write.resolve(result);
    }
    if (committed.length > 0) for (const listener of this.listeners) listener(committed);
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
