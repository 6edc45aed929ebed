import { readConfig } from '#infra/config/config.ts';
import type { AskedAct } from '#infra/operations/record.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { type Foundation, layFoundation } from '../system/foundation.ts';

/** Connects to everything, does the work, and closes everything; an interrupt ends the work where it can go on later. */
export async function withFoundation<T>(work: (foundation: Foundation, signal: AbortSignal) => Promise<T>): Promise<T> {
  const config = readConfig(process.env);
  const log = createLog(config.log.level, 'chalkstream-operations');
  const foundation = await layFoundation({ config, log, clock: new SystemClock() });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    return await work(foundation, stop.signal);
  } finally {
    await foundation.close();
  }
}

/** Between two looks whether the operator still waits, in milliseconds, and so many of them until it is asked whether anybody is there. */
const LOOK_MS = 500;
const LOOKS = 10;

/**
 * Waits for what comes of an act, for as long as somebody leads who will carry it out; what was done. Throws why it could not be done, or that nobody
 * is there, or that the operator waits no longer: it stays on record then, and is carried out by whoever leads.
 */
export async function carriedOut(
  { database, record }: Pick<Foundation, 'database' | 'record'>,
  act: AskedAct,
  signal: AbortSignal,
): Promise<string> {
  for (let looks = 1; ; looks++) {
    const came = await record.outcomeOf(act, LOOK_MS);
    if (came?.state === 'done') return came.outcome;
    if (came?.state === 'failed') throw new Error(came.outcome);
    if (signal.aborted) throw new Error('It is on record, and is carried out all the same.');
    if (looks % LOOKS !== 0) continue;
    const led = await database.query('select 1 from engine.leases where name = $1 and expires_at > clock_timestamp()', [act.group]);
    if (led.length === 0)
      throw new Error(`Nobody leads: it is on record, and is done as soon as a process with the role ${act.group} runs.`);
  }
}
