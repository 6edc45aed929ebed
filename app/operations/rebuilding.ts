import type { ReadModel } from '#domain/kernel/consumer.ts';
import { readConfig } from '#infra/config/config.ts';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import { buildCopy } from '#infra/projections/as-of.ts';
import { rebuild, type RebuildOutcome } from '#infra/projections/rebuild.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { recordAct } from '#infra/process-managers/operations.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { type Foundation, layFoundation } from '../system/foundation.ts';
import { type Arguments, mustSayWhy, WrongUsage } from './arguments.ts';

/** Connects to everything, does the work, and closes everything; an interrupt ends the work where it can go on later. */
async function withFoundation(work: (foundation: Foundation, signal: AbortSignal) => Promise<void>): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.log.level, 'chalkstream-operations');
  const foundation = await layFoundation({ config, log, clock: new SystemClock() });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    await work(foundation, stop.signal);
  } finally {
    await foundation.close();
  }
}

/** Rebuilds a read model beside the serving table and puts it in that one's place. */
export async function rebuildOne(args: Arguments, model: ReadModel): Promise<void> {
  mustSayWhy(args);
  const consumer = consumerOf(model);
  await withFoundation(async ({ database, openFeed, eventStore }, signal) => {
    const outcome = await rebuild({
      database,
      openFeed,
      model,
      accept: args.accept,
      signal,
      onProgress: progressBar(await eventStore.head()),
      ...(args.lagLimit === undefined ? {} : { lagLimitSeconds: args.lagLimit }),
    });
    await recordAct(database, {
      act: 'rebuild',
      target: consumer,
      detail: { state: outcome.state, differences: outcome.differences.length },
      operator: args.operator,
    });
    printOutcome(consumer, outcome);
  });
}

/** Builds a copy of a read model as it was at a position, or at a time. */
export async function copyOne(args: Arguments, model: ReadModel, asOf: string): Promise<void> {
  mustSayWhy(args);
  await withFoundation(async ({ database, openFeed, eventStore }, signal) => {
    const position = await positionOf(eventStore, asOf);
    const copy = await buildCopy({
      database,
      openFeed,
      model,
      position,
      signal,
      onProgress: progressBar(position),
      ...(args.lagLimit === undefined ? {} : { lagLimitSeconds: args.lagLimit }),
    });
    await recordAct(database, { act: 'copy', target: copy.name, detail: { asOf }, operator: args.operator });
    const [held] = await database.query<{ letters: number }>(
      'select count(*) as letters from engine.dead_letters where consumer = $1 and version = $2',
      [copy.name, copy.version],
    );
    process.stderr.write('\n');
    console.log(`${copy.table} holds the rows as of ${position}; ${held?.letters ?? 0} events could not be taken in.`);
    console.log(`Nothing keeps it up, not even the erasure of a person: when you are done, drop-copy ${copy.name}`);
  });
}

/** The position itself, or that of the last event that the event store wrote by that time. */
async function positionOf(eventStore: EventStoreClient, asOf: string): Promise<bigint> {
  if (/^\d+$/.test(asOf)) {
    const position = BigInt(asOf);
    const head = await eventStore.head();
    if (position > head) throw new WrongUsage(`The log ends at ${head}.`);
    return position;
  }
  const time = new Date(asOf);
  if (!/(Z|[+-]\d\d:\d\d)$/.test(asOf) || Number.isNaN(time.getTime()))
    throw new WrongUsage('Give --as-of a position, or a time with its zone such as 2026-11-22T10:00:00Z.');
  let found: bigint | undefined;
  await eventStore.lookBack(Number.MAX_SAFE_INTEGER, ({ created, position }) => {
    if (created > time || position === undefined) return true;
    found = position.commit;
    return false;
  });
  if (found === undefined) throw new WrongUsage(`The log begins after ${asOf}.`);
  return found;
}

/** Positions are offsets in the log and no counts, so they only say which part of the way is done. */
function progressBar(head: bigint): (position: bigint, events: number) => void {
  const begun = performance.now();
  let from: bigint | undefined;
  let events = 0;
  return (position, more) => {
    events += more;
    from ??= position;
    const done = head <= 0n ? 1 : Math.min(1, Number(position) / Number(head));
    const seconds = (performance.now() - begun) / 1_000;
    const walked = Number(position - from);
    const left = walked > 0 ? (Math.max(0, Number(head - position)) / walked) * seconds : 0;
    const bar = '#'.repeat(Math.round(done * 30)).padEnd(30, '.');
    process.stderr.write(`\r[${bar}] ${(done * 100).toFixed(0)} %  ${Math.round(events / seconds)} events/s  ${left.toFixed(0)} s left   `);
  };
}

function printOutcome(consumer: string, { state, position, before, after, differences }: RebuildOutcome): void {
  process.stderr.write('\n');
  const sum = (summary: { rows: number; checksum: string } | undefined): string =>
    summary === undefined ? 'none' : `${summary.rows} rows, checksum ${summary.checksum}`;
  console.log(`${consumer} at ${position}\n  serving: ${sum(before)}\n  new:     ${sum(after)}`);
  for (const { key, before: old, after: fresh, beforePosition, afterPosition } of differences.slice(0, 50)) {
    console.log(
      `  ${key}\n    - ${JSON.stringify(old)} (event at ${beforePosition ?? '-'})\n    + ${JSON.stringify(fresh)} (event at ${afterPosition ?? '-'})`,
    );
  }
  if (differences.length > 50) console.log(`  … and ${differences.length - 50} more`);
  if (state === 'different') {
    console.log(`${differences.length} rows differ; nothing was changed. Again with --accept to take the new ones.`);
    process.exitCode = 1;
  } else console.log(state === 'swapped' ? 'Queries see the new table.' : 'The table is ready for the code that serves this version.');
}
