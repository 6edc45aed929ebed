import type { Notice, Notices } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { accountErased } from '#domain/identity/user-account.messages.ts';
import { plus, type Instant } from '#domain/kernel/time.ts';
import type { FanOut } from '#infra/fan-out/fan-out.ts';
import { reasonFor } from '#infra/event-store/unreadable.ts';
import { Leadership, type LeasedWork } from '#infra/leases/leadership.ts';
import type { Lease, LeaseTimes } from '#infra/leases/lease.ts';
import type { Level } from '#infra/leases/level.ts';
import type { FeedPage } from '#infra/subscriptions/feed.ts';
import type { OpenedFeed, OpenFeed } from '#infra/subscriptions/open-feed.ts';
import type { Clock } from '#infra/time/clock.ts';
import { formatFrameId, frameText, type StoredFrame } from './frame.ts';
import type { FrameStore } from './frame-store.ts';

/** The channel that carries a person's frames between nodes: the id, a line break, the frame. */
export const personChannel = (userId: string): string => `frames:${userId}`;

/** Frames of events older than this are nobody's news when the tables are filled anew. */
const NEWS_FOR_MS = 24 * 3_600_000;
const TRIM_EVERY_MS = 300_000;
/** One event makes fewer frames than this. */
const PLACES = 64;

export interface NoticeEngineOptions {
  readonly notices: readonly Notices[];
  readonly store: FrameStore;
  readonly openFeed: OpenFeed;
  readonly fanOut: FanOut;
  readonly clock: Clock;
  /** Hears of every failure. The engine goes on by itself. */
  readonly onError: (error: unknown) => void;
  readonly leadership: { readonly database: ConstructorParameters<typeof Leadership>[0]['database']; readonly times?: LeaseTimes };
}

/**
 * Makes events into frames, on one node at a time: stores them with the checkpoint, then passes them to the nodes where their people are.
 * What was stored and not passed on, because the node died in between, reaches people when they come back.
 */
export class NoticeEngine {
  readonly #options: NoticeEngineOptions;
  readonly #leadership: Leadership;
  readonly #byType = new Map<string, ((event: RecordedEvent) => readonly Notice[])[]>();
  #feed: OpenedFeed | undefined;
  #startedAt: Instant = '';

  constructor(options: NoticeEngineOptions) {
    this.#options = options;
    for (const { on } of options.notices)
      for (const [type, notice] of Object.entries(on)) {
        if (notice === undefined) continue;
        const list = this.#byType.get(type) ?? [];
        this.#byType.set(type, list);
        list.push((event) => [notice(event as never)].flat());
      }
    this.#leadership = new Leadership({
      ...options.leadership,
      name: 'realtime',
      begin: (lease, level) => this.#begin(lease, level),
      onError: options.onError,
    });
  }

  start(): void {
    this.#startedAt = this.#options.clock.now();
    this.#leadership.start();
  }

  async stop(): Promise<void> {
    await this.#leadership.stop();
  }

  /**
   * Age in seconds of the oldest event that no frames are made of yet; while the work cannot begin, since it was last level. Undefined where another node
   * does the work.
   */
  get lagSeconds(): number | undefined {
    return this.#feed?.lagSeconds ?? this.#leadership.level?.secondsAgo;
  }

  async #begin(lease: Lease, level: Level): Promise<LeasedWork> {
    const { store, openFeed, onError } = this.#options;
    const position = await store.claim(lease.token);
    let fail: (error: unknown) => void = onError;
    const failed = new Promise<never>((_resolve, reject) => (fail = reject));
    failed.catch(() => undefined);
    // Filled anew, the past is stored for those who come back, but told to nobody.
    const newsFrom = position < 0n ? this.#startedAt : '';
    const feed = openFeed({
      types: [...this.#byType.keys(), accountErased.type],
      from: position < 0n ? undefined : position,
      level,
      onPage: (page) => this.#take(page, lease, newsFrom),
      onFailure: fail,
    });
    this.#feed = feed;
    const trim = (): void => void store.trim().catch(onError);
    trim();
    const trimming = setInterval(trim, TRIM_EVERY_MS);
    return {
      failed,
      stop: async () => {
        clearInterval(trimming);
        this.#feed = undefined;
        await feed.stop();
      },
    };
  }

  async #take({ events, position }: FeedPage, lease: Lease, newsFrom: Instant): Promise<void> {
    const { store, fanOut, clock } = this.#options;
    const oldest = plus(clock.now(), -NEWS_FOR_MS);
    const frames = events.filter(({ at }) => at >= oldest).flatMap((event) => this.#framesOrNone(event));
    const erased = events.filter(({ type }) => type === accountErased.type).map(({ aggregateId }) => aggregateId);
    await store.append(frames, position, lease.token, erased);
    const news = frames.filter(({ at }) => at >= newsFrom);
    await Promise.all(
      news.map(({ recipient, id, type, data, at }) =>
        fanOut.publish(personChannel(recipient), `${formatFrameId(id)}\n${frameText(id, type, data, at)}`),
      ),
    );
  }

  /** What no frames can be made of is told of, and holds up nobody: those who missed something ask the queries. */
  #framesOrNone(event: RecordedEvent): StoredFrame[] {
    try {
      return this.framesOf(event);
    } catch (error) {
      this.#options.onError(new Error(`No frames follow from event ${event.id} (${event.type}): ${reasonFor(event, error)}`));
      return [];
    }
  }

  /** The frames that follow from an event. Their ids follow from its place in the log, so they are the same each time. */
  framesOf(event: RecordedEvent): StoredFrame[] {
    const notices = (this.#byType.get(event.type) ?? []).flatMap((makeNotices) => makeNotices(event));
    if (notices.length > PLACES) throw new RangeError(`${event.type} makes ${notices.length} frames, more than ${PLACES}`);
    // Events of one append share their position and differ in their revision.
    return notices.flatMap(({ type, to, data }, nth) =>
      [...new Set(to)].map((recipient) => ({
        recipient,
        id: { position: event.position, index: event.revision * PLACES + nth },
        type,
        data,
        at: event.at as Instant,
      })),
    );
  }
}
