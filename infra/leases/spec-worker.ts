// A process for specs of takeovers: runs both engines on a log that it makes up itself, the same in every process, a little every moment.
import { change, now, put, type ProcessManager, type ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { Database } from '#infra/postgres/database.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';

export type Ticked = { type: 'Ticked'; data: { clock: string; tick: number } };
type TickEvents = { Ticked: Ticked };

/** Clocks tick in turn: the first ticks begin one each. */
const CLOCKS = 7;

/** The nth event of the made-up log. */
export function tickOf(nth: number): RecordedEvent<Ticked> {
  const clock = `clock-${nth % CLOCKS}`;
  const event = recorded<Ticked>({ type: 'Ticked', data: { clock, tick: nth } }, { aggregateType: 'Clock', aggregateId: clock, nth });
  return { ...event, position: BigInt(nth) };
}

const clocks: ReadModel<{ ticks: number; last: number }, TickEvents> = {
  name: 'clocks',
  context: 'takeover',
  version: 1,
  sentence: 'How often each clock has ticked.',
  columns: { ticks: 'integer', last: 'integer' },
  indexes: [],
  // Counted, so that one that is taken in twice shows.
  on: {
    Ticked: ({ data: { clock, tick } }) =>
      tick <= CLOCKS ? put(clock, { ticks: 1, last: tick }) : change(clock, ({ ticks }) => ({ ticks: ticks + 1, last: tick })),
  },
};

export const striking: ProcessManager<TickEvents> = {
  name: 'strike-on-tick',
  context: 'takeover',
  sentence: 'Each tick strikes.',
  on: { Ticked: ({ data }) => now({ type: 'Strike', data: { clock: data.clock, tick: data.tick } }) },
};

/** Runs both engines against a database; what is struck is noted under `name`. */
export function runEngines(url: string, name: string, log: MemoryLog) {
  const database = new Database(url, { applicationName: name });
  // Long enough that a busy machine does not make a successor that works lose its lease to the one that was frozen.
  const leaseTimes = { lifetime: 5_000, beat: 200 };
  const troubles: unknown[] = [];
  const onError = (error: unknown): void => void troubles.push(error);
  const readEvent = (): Promise<never> => Promise.reject(new Error('nothing to read'));
  const openFeed = log.feeds({ pageSize: 5 });
  const projections = new ProjectionEngine({ database, models: [clocks], openFeed, onError, leaseTimes, readEvent });
  const managers = new ProcessManagerEngine({
    database,
    managers: [striking],
    openFeed,
    onError,
    leaseTimes,
    clock: new SystemClock(),
    commands: {
      send: async (message, context) => {
        const { clock, tick } = message.data as Ticked['data'];
        await database.execute('insert into struck (command_id, clock, tick, struck_by) values ($1, $2, $3, $4)', [
          context.commandId,
          clock,
          tick,
          name,
        ]);
        return { id: clock, revision: tick, position: '0', events: [] };
      },
    },
    effects: [],
    load: () => Promise.reject(new Error('nothing to load')),
    readEvent,
  });
  projections.start();
  managers.start();
  return {
    projections,
    troubles,
    stop: async () => {
      await Promise.all([projections.stop(), managers.stop()]);
      await database.close();
    },
  };
}

const [url, name] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && url !== undefined && name !== undefined) {
  const log = new MemoryLog();
  runEngines(url, name, log);
  let nth = 0;
  setInterval(() => {
    if (nth < 100_000) log.append(tickOf(++nth));
  }, 3);
  process.stdout.write('running\n');
}
