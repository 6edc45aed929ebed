import { isDeepStrictEqual } from 'node:util';
import type { CommandMessage } from '#domain/kernel/command.ts';
import type { ProcessManager } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON } from '#domain/kernel/given-when-then.ts';
import type { Instant } from '#domain/kernel/time.ts';
import type { Database } from '#infra/postgres/database.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import type { NewRow } from '#infra/process-managers/new-rows.ts';
import { derive } from '#infra/process-managers/reactions.ts';
import { dieAfterEveryAwait } from './dying.ts';
import { differences } from './differences.ts';
import { Dead, Life } from './life.ts';
import { MemoryLog, type MemoryFeedOptions } from './memory-log.ts';
import { finishes, LEASE_TIMES } from './process.ts';
import { StoryClock } from './story-clock.ts';

/** Process managers on trial. */
export interface ManagersTrial {
  /** Its own for as long as the trial lasts; emptied at the beginning. */
  readonly database: Database;
  /** The managers as a new process has them. */
  readonly fresh: () => readonly ProcessManager[];
  readonly story: readonly RecordedEvent[];
}

/** A command as it arrived outside. */
interface Sent {
  readonly id: string;
  readonly message: CommandMessage;
  readonly at: Instant;
}

interface Process {
  readonly life?: Life;
  readonly managers?: readonly ProcessManager[];
  readonly feed?: MemoryFeedOptions;
  readonly concurrency?: number;
  /** Each time a command arrives outside for the first time, the process dies of it. */
  readonly answersLost?: boolean;
}

/** A trial under way: the log so far, the business time, and what arrived outside, which outlives every process. */
class World {
  readonly log = new MemoryLog();
  readonly clock = new StoryClock(MONDAY_NOON);
  readonly sent: Sent[] = [];

  constructor(readonly trial: ManagersTrial) {}

  /** One process, until it has done all that is to be done now, or has died. */
  live(process: Process = {}): Promise<'finished' | 'died'> {
    const { life = new Life(), managers = this.trial.fresh(), feed = {}, concurrency = 16, answersLost = false } = process;
    const { database } = this.trial;
    const errors: unknown[] = [];
    const engine = new ProcessManagerEngine({
      database: life.database(database),
      managers,
      openFeed: this.log.feeds(feed),
      clock: this.clock,
      commands: {
        send: (message, { commandId }) =>
          life.call(() => {
            if (answersLost && !this.sent.some(({ id }) => id === commandId)) life.end();
            this.sent.push({ id: commandId, message, at: this.clock.now() });
            return Promise.resolve({ id: commandId, revision: 0, position: '0', events: [] });
          }),
      },
      effects: [],
      concurrency,
      load: () => Promise.reject(new Error('Nothing is loaded here.')),
      readEvent: (stream, revision) => this.log.readEvent(stream, revision),
      onError: (error) => {
        if (!(error instanceof Dead)) errors.push(error);
      },
      leaseTimes: LEASE_TIMES,
      // What there is to do is told of, or found at the start: looking around now and then would only blur the count of awaits.
      pollMs: 600_000,
    });
    engine.start();
    const isDone = async (): Promise<boolean> => {
      if (errors.length > 0) throw errors[0];
      const [left] = await database.query<{ rows: number; there: number }>(
        `select (select count(*) from engine.outbox where state = 'pending' and (due is null or due <= $1)) as rows,
           (select count(*) from engine.checkpoints where position >= $2) as there`,
        [this.clock.now(), String(this.log.head)],
      );
      return left!.rows === 0 && left!.there === managers.length;
    };
    return finishes({ life, database, isDone, stop: () => engine.stop() });
  }

  /** The story is taken in by two processes, one after the other. */
  async inTwoProcesses(): Promise<void> {
    const { story } = this.trial;
    const half = Math.ceil(story.length / 2);
    for (const part of [story.slice(0, half), story.slice(half)]) {
      this.log.append(...part);
      await this.live();
    }
  }

  /** When the next timer is due; null when none waits. */
  async nextDue(): Promise<Instant | null> {
    const [next] = await this.trial.database.query<{ due: Instant | null }>(
      "select min(due) as due from engine.outbox where state = 'pending'",
    );
    return next!.due;
  }

  /** Processes die after every await, until there is nothing to do at the moment. */
  async deaths(side: 'before' | 'after', concurrency = 1): Promise<void> {
    await dieAfterEveryAwait({
      side,
      live: (life) => this.live({ life, feed: { pageSize: PAGE }, concurrency }),
      state: async () => {
        const [durable] = await this.trial.database.query(
          `select (select sum(position) from engine.checkpoints) as position, (select count(*) from engine.outbox where state <> 'pending') as ended`,
        );
        return JSON.stringify({ ...durable, sent: new Set(this.sent.map(({ id }) => id)).size });
      },
    });
  }
}

const PAGE = 10;
const LONG_AFTER: Instant = '2099-01-01T00:00:00.000Z';

/** What process managers are put through. Afterwards everything that follows from the story must have been sent, as their functions say. */
export const managerTortures = {
  'one run in one go': async (world) => {
    world.log.append(...world.trial.story);
    await world.live();
    world.clock.moveTo(LONG_AFTER);
    await world.live();
  },
  'everything delivered twice': async (world) => {
    // The same process meets an event again when the write behind it was lost.
    const managers = world.trial.fresh();
    world.log.append(...world.trial.story);
    for (const moment of [MONDAY_NOON, LONG_AFTER]) {
      world.clock.moveTo(moment);
      const feed = { pageSize: PAGE, everyPageTwice: true, pagesOverlap: true };
      for (let awaits = 6; (await world.live({ managers, life: new Life(awaits), feed })) === 'died'; awaits++);
    }
  },
  'a restart at every checkpoint': async (world) => {
    for (const event of world.trial.story) {
      world.log.append(event);
      await world.live();
    }
    world.clock.moveTo(LONG_AFTER);
    await world.live();
  },
  'a death after every await': (world) => deaths(world, 'after'),
  'a death before every await took effect': (world) => deaths(world, 'before'),
  'timers at their time, one by one': async (world) => {
    await world.inTwoProcesses();
    for (let due = await world.nextDue(); due !== null; due = await world.nextDue()) {
      world.clock.moveTo(due);
      await world.live();
    }
  },
  'timers late and twice': async (world) => {
    await world.inTwoProcesses();
    // They come due while nobody is there, and each time one has been sent, the process dies before it can write that down.
    world.clock.moveTo(LONG_AFTER);
    while ((await world.live({ answersLost: true })) === 'died');
  },
} as const satisfies Record<string, (world: World) => Promise<void>>;

export type ManagerTorture = keyof typeof managerTortures;

/** Puts process managers through a torture and tells what is wrong afterwards. Throws what the engine did not bear. */
export async function findingsOfManagers(torture: ManagerTorture, trial: ManagersTrial): Promise<string[]> {
  await trial.database.query('truncate engine.checkpoints, engine.leases, engine.outbox, engine.reports');
  const world = new World(trial);
  await managerTortures[torture](world);
  const managers = trial.fresh();
  const expected = new Map(
    trial.story.flatMap((event) => managers.flatMap((manager) => derive(manager, event))).map((row) => [row.id, row]),
  );
  const rows = await trial.database.query<{ id: string; due: Instant | null; state: string; last_error: string | null }>(
    'select id, due, state, last_error from engine.outbox',
  );
  return [
    ...differences(
      new Map([...expected].map(([id, row]) => [`${nameOf(row)} (${id})`, { due: row.due, state: 'done', last_error: null }])),
      new Map(rows.map(({ id, ...row }) => [`${nameOf(expected.get(id))} (${id})`, row])),
    ),
    ...findingsOfSent(world.sent, expected),
  ];
}

async function deaths(world: World, side: 'before' | 'after'): Promise<void> {
  world.log.append(...world.trial.story);
  await world.deaths(side, side === 'before' ? 16 : 1);
  world.clock.moveTo(LONG_AFTER);
  await world.deaths(side, side === 'before' ? 16 : 1);
}

/** Everything arrives, the same each time it does, never early, and within an instance in the order in which it followed. */
function findingsOfSent(sent: readonly Sent[], expected: ReadonlyMap<string, NewRow>): string[] {
  const arrived = new Set(sent.map(({ id }) => id));
  const findings = [...expected.values()].filter(({ id }) => !arrived.has(id)).map((row) => `${nameOf(row)} was never sent`);
  const lanes = new Map<string, number>();
  const places = new Map([...expected.keys()].map((id, place) => [id, place]));
  for (const { id, message, at } of sent) {
    const row = expected.get(id);
    if (row === undefined) {
      findings.push(`${message.type} (${id}) was sent and follows from nothing`);
      continue;
    }
    if (!isDeepStrictEqual(message, row.command)) findings.push(`${nameOf(row)} was sent with other data: ${JSON.stringify(message.data)}`);
    if (row.due !== null) {
      if (at < row.due) findings.push(`${nameOf(row)} was sent at ${at}, before ${row.due}`);
      continue;
    }
    const lane = `${row.manager} ${row.instance}`;
    if (places.get(id)! < (lanes.get(lane) ?? 0)) findings.push(`${nameOf(row)} was sent after what follows it`);
    lanes.set(lane, places.get(id)!);
  }
  return findings;
}

function nameOf(row: NewRow | undefined): string {
  return row === undefined ? 'something that follows from nothing' : `${row.manager}: ${row.command_type} for ${row.event_type}`;
}
