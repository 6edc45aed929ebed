import { positionAfter } from '../log/event-log.ts';
import type { LoggedEvent } from '../log/logged-event.ts';
import type { EventReader } from '../store/event-reader.ts';
import { isHiddenInAll } from '../store/event-reader.ts';

/** Where the events of a subscription come from. */
export interface EventFeed {
  /** The next events, perhaps none in this page; undefined at the end of the log. */
  next(live: boolean, limit?: number): readonly LoggedEvent[] | undefined;
  concerns(event: LoggedEvent): boolean;
  /** The position in `$all` up to which everything was handed out: that of an event which readers see. */
  readonly lastPosition: number | undefined;
}

/** All events of one stream from a revision on. */
export class StreamFeed implements EventFeed {
  readonly lastPosition = undefined;
  private readonly reader: EventReader;
  private readonly stream: string;
  private cursor: number;

  constructor(reader: EventReader, stream: string, from: number) {
    this.reader = reader;
    this.stream = stream;
    this.cursor = from;
  }

  /** History is seen through truncation and age; what happens while the subscriber is live is not. */
  next(live: boolean, limit?: number): readonly LoggedEvent[] | undefined {
    if (!live) {
      const page = this.reader.visiblePage(this.stream, this.cursor, limit);
      this.cursor = page ? page.next : Math.max(this.cursor, this.reader.headOf(this.stream) + 1);
      return page?.events;
    }
    const page = this.reader.pageOfStream(this.stream, this.cursor, limit);
    const last = page.at(-1);
    if (!last) return undefined;
    this.cursor = last.revision + 1;
    return page;
  }

  concerns(event: LoggedEvent): boolean {
    return event.stream === this.stream;
  }
}

/** All events of the log behind a position. */
export class AllFeed implements EventFeed {
  private readonly reader: EventReader;
  private cursor: number;
  private last: number | undefined;

  constructor(reader: EventReader, behind: number | undefined) {
    this.reader = reader;
    this.cursor = behind === undefined ? 0 : behind + 1;
    this.last = behind;
  }

  get lastPosition(): number | undefined {
    return this.last;
  }

  next(_live: boolean, limit?: number): readonly LoggedEvent[] | undefined {
    const page = this.reader.pageOfAll(this.cursor, limit);
    const last = page.at(-1);
    if (!last) return undefined;
    this.cursor = positionAfter(last);
    const shown = page.filter((event) => !isHiddenInAll(event));
    this.last = shown.at(-1)?.position ?? this.last;
    return shown;
  }

  concerns(): boolean {
    return true;
  }
}
