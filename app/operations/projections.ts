import { readConfig } from '#infra/config/config.ts';
import type { Database } from '#infra/postgres/database.ts';
import { askFor, outcomeOf, type ProjectionAct } from '#infra/projections/acts.ts';
import { listLetters } from '#infra/projections/dead-letters.ts';
import { rebuild, type RebuildOutcome } from '#infra/projections/rebuild.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { recordAct } from '#infra/process-managers/operations.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { readModels } from '#projections/read-models.ts';
import { layFoundation } from '../system/foundation.ts';
import { type Arguments, mustSayWhy, openDatabase, printRows, runProgram, WrongUsage } from './arguments.ts';
import { operations } from './report.ts';

const USAGE = `npm run projections -- list                                  every read model: state, lag, what is held back
npm run projections -- status                                the same as JSON, with the outbox and the leases
npm run projections -- rebuild <name> [--accept] [--lag-limit <seconds>] --why "…"
npm run projections -- pause|resume <name> --why "…"
npm run projections -- letters [<name>]                      events that are held back
npm run projections -- retry|skip <name> <stream|row> <key> --why "…"`;

/** How long an act may take before the program no longer waits: a retry folds rows anew from the start of the log. */
const ACT_WITHIN_MS = 600_000;

await runProgram(USAGE, async (args) => {
  const [verb = 'list', name] = args.words;
  if (verb === 'rebuild') return rebuildOne(args, consumerNamed(name));
  const database = openDatabase();
  try {
    if (verb === 'list') return await list(database);
    if (verb === 'status') return console.log(JSON.stringify(await operations(database), null, 2));
    if (verb === 'letters') return await letters(database, name === undefined ? undefined : consumerNamed(name));
    mustSayWhy(args);
    const act = actOf(verb, consumerNamed(name), args.words);
    const outcome = await outcomeOf(database, await askFor(database, act, args.operator), ACT_WITHIN_MS);
    if (outcome === undefined) throw new Error('Nobody has carried it out: does a process with the role projections run?');
    if (outcome.state === 'failed') throw new Error(outcome.outcome ?? 'It failed.');
    console.log(outcome.outcome);
  } finally {
    await database.close();
  }
});

function consumerNamed(name: string | undefined): string {
  const model = readModels.find((each) => [consumerOf(each), `${each.context}.${each.name}`, each.name].includes(name ?? ''));
  if (model === undefined)
    throw new WrongUsage(`There is no read model ${name ?? 'without a name'}: ${readModels.map(consumerOf).join(', ')}`);
  return consumerOf(model);
}

function actOf(verb: string, consumer: string, [, , scope, key]: readonly string[]): ProjectionAct {
  if (verb === 'pause' || verb === 'resume') return { act: verb, consumer };
  if (verb !== 'retry' && verb !== 'skip') throw new WrongUsage(`There is no ${verb}.`);
  if ((scope !== 'stream' && scope !== 'row') || key === undefined)
    throw new WrongUsage('Name what is held back: stream or row, and its key.');
  return { act: verb, consumer, place: { scope, key } };
}

async function list(database: Database): Promise<void> {
  const { consumers } = await operations(database);
  printRows([
    ['consumer', 'version', 'state', 'position', 'lag s', 'held back'],
    ...consumers.map(({ consumer, version, state, position, lagSeconds, parked }) => [
      consumer,
      version,
      state,
      position,
      lagSeconds === undefined ? '?' : lagSeconds.toFixed(1),
      parked,
    ]),
  ]);
}

async function letters(database: Database, consumer: string | undefined): Promise<void> {
  const held = await listLetters(database, consumer === undefined ? {} : { consumer });
  printRows([
    ['read model', 'scope', 'key', 'event', 'stream', 'revision', 'attempts', 'why'],
    ...held.map((each) => [
      each.consumer,
      each.scope,
      each.key,
      each.eventType,
      each.stream,
      each.revision,
      each.attempts,
      each.skipped ? 'given up' : (each.error ?? 'behind another'),
    ]),
  ]);
}

async function rebuildOne(args: Arguments, consumer: string): Promise<void> {
  mustSayWhy(args);
  const config = readConfig(process.env);
  const log = createLog(config.log.level, 'chalkstream-operations');
  const foundation = await layFoundation({ config, log, clock: new SystemClock() });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    const { database, openFeed, eventStore } = foundation;
    const head = await eventStore.head();
    const outcome = await rebuild({
      database,
      openFeed,
      model: readModels.find((model) => consumerOf(model) === consumer)!,
      accept: args.accept,
      signal: stop.signal,
      onProgress: progressBar(head),
      ...(args.lagLimit === undefined ? {} : { lagLimitSeconds: args.lagLimit }),
    });
    await recordAct(database, {
      act: 'rebuild',
      target: consumer,
      detail: { state: outcome.state, differences: outcome.differences.length },
      operator: args.operator,
    });
    printOutcome(consumer, outcome);
  } finally {
    await foundation.close();
  }
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
