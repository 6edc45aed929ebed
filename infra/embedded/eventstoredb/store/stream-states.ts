import type { EventLog } from '../log/event-log.ts';
import { LeastRecentlyUsed } from '../log/least-recently-used.ts';
import type { LoggedEvent } from '../log/logged-event.ts';
import { tombstoneRevision } from '../log/logged-event.ts';
import type { StreamMetadata } from './stream-metadata.ts';
import { isMetastream, metadataOfMetastreams, metastreamOf, noMetadata, originalOf, parseStreamMetadata } from './stream-metadata.ts';

/** What is known of a stream without reading its events. */
export interface StreamState {
  /** The last event's number, also of a soft-deleted stream; -1 when there never was an event. */
  readonly head: number;
  readonly tombstoned: boolean;
  readonly metadata: StreamMetadata;
}

/** The states of the streams used last; the others are looked up in the log. */
export class StreamStates {
  private readonly heads = new LeastRecentlyUsed<string, number>(50_000);
  private readonly metadata = new LeastRecentlyUsed<string, StreamMetadata>(50_000);
  private readonly log: EventLog;

  constructor(log: EventLog) {
    this.log = log;
  }

  of(stream: string): StreamState {
    const head = this.headOf(stream);
    const tombstoned = head === tombstoneRevision || (isMetastream(stream) && this.headOf(originalOf(stream)) === tombstoneRevision);
    return { head, tombstoned, metadata: this.metadataOf(stream) };
  }

  hasMetastream(stream: string): boolean {
    return this.headOf(metastreamOf(stream)) >= 0;
  }

  lastMetadataEvent(stream: string): LoggedEvent | undefined {
    const metastream = metastreamOf(stream);
    return this.log.readStreamBackwards(metastream, this.headOf(metastream), 1)[0];
  }

  written(event: LoggedEvent): void {
    this.heads.set(event.stream, event.revision);
    if (isMetastream(event.stream)) this.metadata.set(originalOf(event.stream), parseStreamMetadata(event.content().data));
  }

  forget(): void {
    this.heads.clear();
    this.metadata.clear();
  }

  private headOf(stream: string): number {
    let head = this.heads.get(stream);
    if (head === undefined) {
      head = this.log.headOf(stream);
      this.heads.set(stream, head);
    }
    return head;
  }

  private metadataOf(stream: string): StreamMetadata {
    if (isMetastream(stream)) return metadataOfMetastreams;
    let metadata = this.metadata.get(stream);
    if (metadata === undefined) {
      const event = this.lastMetadataEvent(stream);
      metadata = event ? parseStreamMetadata(event.content().data) : noMetadata;
      this.metadata.set(stream, metadata);
    }
    return metadata;
  }
}
