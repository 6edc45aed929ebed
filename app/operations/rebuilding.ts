import { setTimeout as delay } from 'node:timers/promises';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import { copyModel, rebuildModel } from '#infra/operations/acts.ts';
import { buildCopy } from '#infra/projections/as-of.ts';
import { rebuild, type RebuildOutcome, RebuildUnderWay } from '#infra/projections/rebuild.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import type { Foundation } from '../system/foundation.ts';
import { type Arguments, mustSayWhy, unsaid, WrongUsage } from './arguments.ts';
import { codeVersion } from './code-version.ts';
import { withFoundation } from './connected.ts';
import { Progress } from './progress.ts';

const SHOWN_DIFFERENCES = 50;

/** What work beside the live read models needs. */
interface Workplace {
  readonly foundation: Foundation;
  readonly signal: AbortSignal;
  readonly codeVersion: string;
}

/** Rebuilds read models, one after the other, each beside its serving table, and puts the new one in that one's place. */
export async function rebuildAll(args: Arguments, models: readonly ReadModel[]): Promise<void> {
  mustSayWhy(args);
  await withFoundation(async (foundation, signal) => {
    const place = { foundation, signal, codeVersion: await codeVersion() };
    for (const model of models) await rebuildOne(args, model, place);
  });
}

async function rebuildOne(args: Arguments, model: ReadModel, { foundation, signal, codeVersion: code }: Workplace): Promise<void> {
  const { database, openFeed, eventStore, config, record } = foundation;
  const consumer = consumerOf(model);
  const progress = new Progress({ name: consumer, target: await eventStore.head(), screen: process.stderr });
  const work = () =>
    rebuild({
      database,
      openFeed,
      model,
      accept: args.accept,
      fresh: args.fresh,
      codeVersion: code,
      leaseTimes: config.leaseTimes,
      signal,
      onStage: (stage, from) => progress.stage(stage, from),
      onProgress: (position, events) => progress.moved(position, events),
      ...(args.lagLimit === undefined ? {} : { lagLimitSeconds: args.lagLimit }),
    });
  const outcome = await record.during(rebuildModel, { consumer, version: model.version, accept: args.accept }, args.operator, {
    work: () => unlessUnderWay(work, foundation).finally(() => progress.end()),
    say: ({ state, differences }) => `${state}, ${differences.length} rows differ`,
    unsaid,
  });
  printOutcome(consumer, outcome);
}

/** Builds a copy of a read model as it was at a position, or at a time. */
export async function copyOne(args: Arguments, model: ReadModel, asOf: string): Promise<void> {
  mustSayWhy(args);
  await withFoundation(async (foundation, signal) => {
    const { database, openFeed, eventStore, config, record } = foundation;
    const code = await codeVersion();
    const position = await positionOf(eventStore, asOf);
    const progress = new Progress({ name: consumerOf(model), target: position, screen: process.stderr });
    const work = () =>
      buildCopy({
        database,
        openFeed,
        model,
        position,
        codeVersion: code,
        leaseTimes: config.leaseTimes,
        signal,
        onBegin: (from) => progress.stage('filling', from),
        onProgress: (at, events) => progress.moved(at, events),
        ...(args.lagLimit === undefined ? {} : { lagLimitSeconds: args.lagLimit }),
      });
    const copy = await record.during(copyModel, { consumer: consumerOf(model), version: model.version, asOf }, args.operator, {
      work: () => unlessUnderWay(work, foundation).finally(() => progress.end()),
      say: ({ name }) => `is ${name}`,
      unsaid,
    });
    const [held] = await database.query<{ letters: number }>(
      'select count(*) as letters from engine.dead_letters where consumer = $1 and version = $2 and not skipped',
      [copy.name, copy.version],
    );
    console.log(`${copy.table} holds the rows as of ${position}; ${held?.letters ?? 0} events could not be taken in.`);
    console.log(`Nothing keeps it up, not even the erasure of a person: when you are done, drop-copy ${copy.name}`);
  });
}

/** Waits until the lease of a process that was killed has run out; one that still works keeps it. */
async function unlessUnderWay<T>(work: () => Promise<T>, { config }: Foundation): Promise<T> {
  const { lifetime, beat } = config.leaseTimes;
  const until = performance.now() + lifetime + beat;
  for (let told = false; ; told = true) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RebuildUnderWay) || performance.now() > until) throw error;
      if (!told) console.error(`${error.message} Waiting for ${Math.ceil((lifetime + beat) / 1_000)} s, in case that one has died.`);
      await delay(beat / 2);
    }
  }
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

function printOutcome(consumer: string, { state, position, before, after, differences }: RebuildOutcome): void {
  const sum = (summary: { rows: number; checksum: string } | undefined): string =>
    summary === undefined ? 'none' : `${summary.rows} rows, checksum ${summary.checksum}`;
  console.log(`${consumer} at ${position}\n  serving: ${sum(before)}\n  new:     ${sum(after)}`);
  for (const { key, before: old, after: fresh, beforePosition, afterPosition } of differences.slice(0, SHOWN_DIFFERENCES)) {
    console.log(
      `  ${key}\n    - ${JSON.stringify(old)} (event at ${beforePosition ?? '-'})\n    + ${JSON.stringify(fresh)} (event at ${afterPosition ?? '-'})`,
    );
  }
  if (differences.length > SHOWN_DIFFERENCES) console.log(`  … and ${differences.length - SHOWN_DIFFERENCES} more`);
  if (state === 'different') {
    console.log(
      `${differences.length} rows differ; nothing was changed. Again with --accept to take the new ones, or drop-copy ${consumer}#next.`,
    );
    process.exitCode = 1;
  } else console.log(state === 'swapped' ? 'Queries see the new table.' : 'The table is ready for the code that serves this version.');
}
