import { status } from '@grpc/grpc-js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LoggedEvent } from '../log/logged-event.ts';
import type { EventReader } from '../store/event-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import type { Position, ReadReq } from '../wire/messages.ts';
import { Outlet } from '../wire/outlet.ts';
import type { MessageOf } from '../wire/proto-message.ts';
import { MalformedMessage } from '../wire/proto-message.ts';
import type { UuidFormat } from '../wire/read-responses.ts';
import { readEventResponse, streamNotFound } from '../wire/read-responses.ts';
import { clampedNumber, streamName } from '../wire/request-values.ts';
import { RpcError, streamDeleted, unknownError } from '../wire/rpc-error.ts';
import { CatchUpSubscription } from './catch-up-subscription.ts';
import { AllFeed, StreamFeed } from './event-feed.ts';
import { eventFilter } from './event-filter.ts';

type Call = ServerWritableStream<MessageOf<typeof ReadReq>, Buffer>;
type Options = NonNullable<MessageOf<typeof ReadReq>['options']>;

const endOfStream = Number.MAX_SAFE_INTEGER;

/** `Streams.Read`: reads and catch-up subscriptions, of a stream and of all. */
export class Reads {
  private readonly store: EventStore;
  private readonly reader: EventReader;

  constructor(store: EventStore, reader: EventReader) {
    this.store = store;
    this.reader = reader;
  }

  readonly handle = (call: Call): void => {
    const outlet = new Outlet(call);
    this.serve(call.request.options, outlet).catch((error: unknown) => outlet.fail(error));
  };

  private async serve(options: Options | undefined, outlet: Outlet): Promise<void> {
    if (!options) throw new MalformedMessage('The options are missing.');
    if (options.subscription) return await this.subscribe(options, outlet);
    if (!options.count) throw unknownError();
    const limit = clampedNumber(options.count);
    const pages = options.all ? this.allPages(options, limit) : this.streamPages(options, limit, outlet);
    if (!pages) return;
    const uuids = uuidFormat(options);
    for (const page of pages) {
      for (const event of page) {
        const resolved = options.resolveLinks ? this.reader.resolve(event) : { event, link: undefined };
        outlet.send(readEventResponse(resolved, uuids));
        if (outlet.full) await outlet.ready();
        if (outlet.closed) return;
      }
      if (page.length === 0) await nextTurn();
    }
    outlet.end();
  }

  private streamPages(options: Options, limit: number, outlet: Outlet): Iterable<LoggedEvent[]> | undefined {
    const stream = streamName(options.stream?.streamIdentifier);
    const backwards = isBackwards(options);
    if (!backwards && options.stream?.end) throw unknownError();
    const from = options.stream?.end ? endOfStream : clampedNumber(options.stream?.revision);
    const presence = this.reader.presence(stream);
    if (presence === 'tombstoned') throw streamDeleted(stream);
    if (presence === 'not-found') {
      outlet.send(streamNotFound(stream));
      outlet.end();
      return undefined;
    }
    return backwards ? this.reader.streamBackwards(stream, from, limit) : this.reader.streamForwards(stream, from, limit);
  }

  private allPages(options: Options, limit: number): Iterable<LoggedEvent[]> {
    if (options.filter) {
      const { matches } = eventFilter(options.filter);
      return isBackwards(options)
        ? filtered(this.reader.allBackwards(allPosition(options) ?? this.reader.end()), matches, limit)
        : filtered(this.reader.allForwards(allPosition(options) ?? this.reader.end()), matches, limit);
    }
    const position = allPosition(options) ?? this.reader.end();
    return isBackwards(options) ? this.reader.allBackwards(position, limit) : this.reader.allForwards(position, limit);
  }

  private async subscribe(options: Options, outlet: Outlet): Promise<void> {
    if (isBackwards(options)) throw new RpcError(status.INVALID_ARGUMENT, 'A subscription only goes forwards.');
    const resolveLinks = options.resolveLinks ?? false;
    const uuids = uuidFormat(options);
    if (options.all) {
      const filter = options.filter && eventFilter(options.filter);
      const start = options.all.start ? undefined : (allPosition(options) ?? this.reader.lastPosition());
      const feed = new AllFeed(this.reader, start);
      return await new CatchUpSubscription(this.store, this.reader, outlet, { feed, filter, resolveLinks, uuids }).run();
    }
    const stream = streamName(options.stream?.streamIdentifier);
    if (this.reader.presence(stream) === 'tombstoned') throw streamDeleted(stream);
    let from = 0;
    if (options.stream?.end) from = this.reader.headOf(stream) + 1;
    else if (options.stream?.revision !== undefined) from = clampedNumber(options.stream.revision) + 1;
    const feed = new StreamFeed(this.reader, stream, from);
    return await new CatchUpSubscription(this.store, this.reader, outlet, { feed, filter: undefined, resolveLinks, uuids }).run();
  }
}

function* filtered(pages: Iterable<LoggedEvent[]>, matches: (event: LoggedEvent) => boolean, limit: number): Generator<LoggedEvent[]> {
  let left = limit;
  for (const page of pages) {
    const found = page.filter(matches).slice(0, left);
    left -= found.length;
    yield found;
    if (left === 0) return;
  }
}

const isBackwards = (options: Options): boolean => options.readDirection === 1;

const uuidFormat = (options: Options): UuidFormat => (options.uuidOption?.structured ? 'structured' : 'string');

/** Undefined for the end. @throws RpcError for a position that cannot be */
function allPosition(options: Options): number | undefined {
  if (options.all?.end) return undefined;
  return options.all?.position ? validPosition(options.all.position) : 0;
}

function validPosition(position: MessageOf<typeof Position>): number {
  if ((position.commit ?? 0n) < (position.prepare ?? 0n)) throw unknownError();
  return clampedNumber(position.commit);
}
