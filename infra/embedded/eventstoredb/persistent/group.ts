import type { LoggedEvent } from '../log/logged-event.ts';
import type { EventReader } from '../store/event-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { EventFeed } from '../streams/event-feed.ts';
import { AllFeed, StreamFeed } from '../streams/event-feed.ts';
import { matcher } from '../streams/event-filter.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Consumer } from './consumer.ts';
import { consumerStrategy } from './consumer-strategy.ts';
import type { GroupDefinition } from './group-definition.ts';
import { allStream } from './group-definition.ts';
import { groupDropped, groupIsFull } from './group-errors.ts';
import type { GroupMessage } from './group-message.ts';
import { groupMessage, retried } from './group-message.ts';
import { MessageBuffer } from './message-buffer.ts';
import { ParkedMessages } from './parked-messages.ts';
import { RateStatistics } from './statistics.ts';

interface Outstanding {
  readonly message: GroupMessage;
  /** Milliseconds of `performance.now()`. */
  readonly dueAt: number;
  parking: boolean;
}

export type NackAction = 'retry' | 'park' | 'skip';

/** How many pages are looked through before others get their turn. */
const pagesPerTurn = 64;

/**
 * A persistent subscription: events go out to competing consumers, each at least once; what is not acknowledged in time is sent again, and
 * parked after too many attempts. How far all is done is written down from time to time.
 */
export class Group {
  readonly definition: GroupDefinition;
  readonly consumers = new Set<Consumer>();
  readonly buffer = new MessageBuffer();
  readonly outstanding = new Map<string, Outstanding>();
  readonly parked: ParkedMessages;
  readonly checkpoints: Checkpoints;
  readonly rate = new RateStatistics();
  live = false;
  /** The last event that was looked at, and the last checkpoint: revisions, or positions in `$all`. */
  lastKnown: number | undefined;
  lastCheckpoint: number | undefined;
  private readonly reader: EventReader;
  private readonly feed: EventFeed;
  private readonly matches: (event: LoggedEvent) => boolean;
  private readonly strategy;
  private sequence = 0;
  private checkpointSequence = 0;
  private checkpointedAt = performance.now();
  private savingCheckpoint = false;
  private pumpScheduled = false;
  private closed = false;

  constructor(store: EventStore, reader: EventReader, definition: GroupDefinition) {
    this.definition = definition;
    this.reader = reader;
    this.parked = new ParkedMessages(store, reader, definition);
    this.checkpoints = new Checkpoints(store, reader, definition);
    this.strategy = consumerStrategy(definition.strategy);
    this.matches = definition.filter ? matcher(definition.filter) : () => true;
    this.lastCheckpoint = this.checkpoints.load();
    this.lastKnown = this.lastCheckpoint;
    this.feed = this.startFeed();
    this.pump();
  }

  /** The consumer gets its first messages with the next pump. @throws RpcError when no more consumers are allowed */
  connect(consumer: Consumer): void {
    const { stream, group, maxSubscriberCount } = this.definition;
    if (maxSubscriberCount > 0 && this.consumers.size >= maxSubscriberCount) throw groupIsFull(stream, group);
    this.consumers.add(consumer);
    this.strategy.add(consumer);
  }

  /** What the consumer did not acknowledge goes to the others. */
  disconnect(consumer: Consumer): void {
    if (!this.consumers.delete(consumer)) return;
    this.strategy.remove(consumer);
    for (const { message } of consumer.inFlight.values()) {
      const entry = this.outstanding.get(message.id);
      if (!entry || entry.message !== message || entry.parking) continue;
      this.outstanding.delete(message.id);
      this.buffer.addRetry(retried(message));
    }
    this.pump();
  }

  acknowledge(ids: readonly string[]): void {
    for (const id of ids) {
      this.release(id);
      if (!this.outstanding.get(id)?.parking) this.outstanding.delete(id);
    }
    this.checkpoint(false);
    this.pump();
  }

  reject(ids: readonly string[], action: NackAction, reason: string): void {
    for (const id of ids) {
      this.release(id);
      const entry = this.outstanding.get(id);
      if (!entry || entry.parking) continue;
      if (action === 'retry') this.retryOrPark(entry);
      else if (action === 'park') this.park(entry, `Client explicitly NAK'ed message.\n${reason}`);
      else this.outstanding.delete(id);
    }
    this.checkpoint(false);
    this.pump();
  }

  /** Once a second: what was in flight for too long is tried again. */
  tick(): void {
    const now = performance.now();
    for (const entry of this.outstanding.values()) {
      if (entry.dueAt > now || entry.parking) continue;
      this.release(entry.message.id);
      this.retryOrPark(entry);
    }
    this.checkpoint(true);
    this.pump();
  }

  committed(events: readonly LoggedEvent[]): void {
    if (events.some((event) => this.feed.concerns(event))) this.pump();
  }

  /** Sends the parked messages with numbers below `stopAt` again. @throws StorageFailure */
  async replayParked(stopAt: number): Promise<void> {
    for (const resolved of await this.parked.take(stopAt)) {
      this.buffer.addRetry(groupMessage(resolved, { sequence: 0, previous: undefined, replayed: true }));
    }
    this.pump();
  }

  /** Ends the group in memory; its consumers are told. */
  drop(): void {
    this.closed = true;
    const { stream, group } = this.definition;
    for (const consumer of this.consumers) consumer.drop(groupDropped(stream, group));
    this.consumers.clear();
  }

  private startFeed(): EventFeed {
    const { stream, startFrom } = this.definition;
    const done = this.lastCheckpoint;
    if (stream === allStream) {
      if (done !== undefined) return new AllFeed(this.reader, done);
      if (startFrom === 'end') return new AllFeed(this.reader, this.reader.lastPosition());
      return new AllFeed(this.reader, startFrom.commit === 0 ? undefined : startFrom.commit - 1);
    }
    if (done !== undefined) return new StreamFeed(this.reader, stream, done + 1);
    return new StreamFeed(this.reader, stream, startFrom === 'end' ? this.reader.headOf(stream) + 1 : startFrom.commit);
  }

  /** Reads and sends as much as there is room for. */
  pump(): void {
    if (this.closed) return;
    for (let page = 0; page < pagesPerTurn; page += 1) {
      const more = this.readPage();
      this.push();
      if (!more) return;
    }
    if (this.pumpScheduled) return;
    this.pumpScheduled = true;
    setImmediate(() => {
      this.pumpScheduled = false;
      this.pump();
    });
  }

  /** Reads on while there is room; false when there is none, or nothing to read. */
  private readPage(): boolean {
    const { historyBufferSize, liveBufferSize, readBatchSize, resolveLinks, stream } = this.definition;
    if (this.live && this.buffer.freshCount >= liveBufferSize) this.live = false;
    if (!this.live && historyBufferSize - this.buffer.freshCount < readBatchSize) return false;
    const page = this.feed.next(this.live, readBatchSize);
    if (!page) {
      this.live = true;
      return false;
    }
    for (const record of page) {
      this.sequence += 1;
      const previous = this.lastKnown;
      this.lastKnown = stream === allStream ? record.position : record.revision;
      if (!this.matches(record)) continue;
      const resolved = resolveLinks ? this.reader.resolve(record) : { event: record, link: undefined };
      this.buffer.add(groupMessage(resolved, { sequence: this.sequence, previous, replayed: false }));
    }
    return true;
  }

  private push(): void {
    if (this.consumers.size === 0) return;
    const dueAt = performance.now() + this.definition.messageTimeout;
    this.buffer.offer((message) => {
      const consumer = this.strategy.choose(message);
      if (consumer === 'none') return 'stop';
      if (consumer === 'skip') return 'skipped';
      // The same event twice in flight: the second one is sent, but only the first one counts.
      if (!this.outstanding.has(message.id)) this.outstanding.set(message.id, { message, dueAt, parking: false });
      this.rate.count();
      consumer.push(message);
      return 'taken';
    });
  }

  private release(id: string): void {
    for (const consumer of this.consumers) consumer.processed(id);
  }

  private retryOrPark(entry: Outstanding): void {
    const { maxRetryCount } = this.definition;
    if (entry.message.retryCount >= maxRetryCount) {
      this.park(entry, `Reached retry count of ${maxRetryCount}`);
      return;
    }
    this.outstanding.delete(entry.message.id);
    this.buffer.addRetry(retried(entry.message));
  }

  /** The message stays outstanding, so that no checkpoint passes it, until it is durable among the parked ones. */
  private park(entry: Outstanding, reason: string): void {
    entry.parking = true;
    const { id } = entry.message;
    this.parked.park(entry.message, reason).then(
      () => {
        this.outstanding.delete(id);
        this.checkpoint(false);
        this.pump();
      },
      () => {
        this.outstanding.delete(id);
        this.buffer.addRetry(entry.message);
        this.pump();
      },
    );
  }

  /** Everything up to the first event that is not dealt with. */
  private doneUpTo(): { readonly position: number | undefined; readonly sequence: number } {
    let lowest = this.buffer.lowest();
    for (const { message } of this.outstanding.values()) {
      if (!message.replayed && (!lowest || message.sequence < lowest.sequence)) lowest = message;
    }
    return lowest ? { position: lowest.previous, sequence: lowest.sequence - 1 } : { position: this.lastKnown, sequence: this.sequence };
  }

  private checkpoint(onTick: boolean): void {
    if (this.closed || this.savingCheckpoint) return;
    const { checkpointAfter, minCheckpointCount, maxCheckpointCount } = this.definition;
    const { position, sequence } = this.doneUpTo();
    const done = sequence - this.checkpointSequence;
    if (position === undefined || done <= 0) return;
    const elapsed = checkpointAfter > 0 && performance.now() - this.checkpointedAt >= checkpointAfter;
    if (!elapsed && done < maxCheckpointCount) return;
    if (done < maxCheckpointCount && !(onTick && done >= minCheckpointCount)) return;
    this.savingCheckpoint = true;
    const before = this.checkpointSequence;
    this.checkpointSequence = sequence;
    this.checkpointedAt = performance.now();
    this.checkpoints.save(position).then(
      () => {
        this.savingCheckpoint = false;
        this.lastCheckpoint = position;
      },
      () => {
        this.savingCheckpoint = false;
        this.checkpointSequence = before;
      },
    );
  }
}
