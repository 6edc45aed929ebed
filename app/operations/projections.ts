import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { Database } from '#infra/postgres/database.ts';
import { askFor, type ProjectionAct } from '#infra/projections/acts.ts';
import { dropCopy, listCopies } from '#infra/projections/as-of.ts';
import { listLetters } from '#infra/projections/dead-letters.ts';
import { consumerOf, sqlNameOf } from '#infra/projections/tables.ts';
import { readModels } from '#projections/read-models.ts';
import { mustSayWhy, openDatabase, printRows, runProgram, WrongUsage } from './arguments.ts';
import { carriedOut, withFoundation } from './connected.ts';
import { exportOne } from './exporting.ts';
import { copyOne, rebuildAll } from './rebuilding.ts';
import { operations } from './report.ts';

const USAGE = `npm run projections -- list                                  every read model: state, lag, what is held back
npm run projections -- status                                the same as JSON, with the outbox and the leases
npm run projections -- rebuild <name>…|all [--accept] [--fresh] [--lag-limit <seconds>] --why "…"
                                                             in place of the serving rows; --accept: also when rows come out differently;
                                                             --fresh: from the start, not where a stopped rebuild ended
npm run projections -- rebuild <name> --as-of <position|time> --why "…"
                                                             a copy of its own, as the read model was then
npm run projections -- copies                                the copies that there are, and what stopped rebuilds have filled
npm run projections -- drop-copy <name@position|name#next>
npm run projections -- export <name|name@position> --format csv|ndjson|parquet [--to <file>] --why "…"
                                                             the rows; the manifest goes to <file>.manifest.json or to stderr
npm run projections -- pause|resume <name> --why "…"
npm run projections -- letters [<name>]                      events that are held back
npm run projections -- retry|skip <name> <stream|row> <key> --why "…"`;

await runProgram(USAGE, async (args) => {
  const [verb = 'list', name] = args.words;
  if (verb === 'rebuild') {
    if (args.asOf !== undefined) return copyOne(args, modelNamed(name), args.asOf);
    return rebuildAll(args, name === 'all' ? readModels : [modelNamed(name), ...args.words.slice(2).map(modelNamed)]);
  }
  if (verb === 'export') {
    const [model, position] = (name ?? '').split('@');
    return withFoundation((foundation, signal) => exportOne({ ...foundation, signal }, args, modelNamed(model), position));
  }
  const database = openDatabase();
  try {
    if (verb === 'list') return await list(database);
    if (verb === 'status') return console.log(JSON.stringify(await operations(database), null, 2));
    if (verb === 'letters') return await letters(database, name === undefined ? undefined : consumerNamed(name));
    if (verb === 'copies') return await copies(database);
    if (verb === 'drop-copy') return await drop(database, name);
  } finally {
    await database.close();
  }
  const act = actOf(verb, consumerNamed(name), args.words);
  mustSayWhy(args);
  await withFoundation(async (foundation, signal) =>
    console.log(await carriedOut(foundation, await askFor(foundation, act, args.operator), signal)),
  );
});

function consumerNamed(name: string | undefined): string {
  return consumerOf(modelNamed(name));
}

function modelNamed(name: string | undefined): ReadModel {
  const model = readModels.find((each) =>
    [consumerOf(each), sqlNameOf(each), `${each.context}.${each.name}`, each.name].includes(name ?? ''),
  );
  if (model !== undefined) return model;
  const names = readModels.map(consumerOf).toSorted().join('\n  ');
  throw new WrongUsage(`${name === undefined ? 'Name a read model' : `There is no read model ${name}`}. There are\n  ${names}`);
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

async function copies(database: Database): Promise<void> {
  printRows([
    ['copy', 'version', 'table', 'state'],
    ...(await listCopies(database)).map(({ name, version, table, complete }) => [
      name,
      version,
      table,
      complete ? 'complete' : 'unfinished',
    ]),
  ]);
}

async function drop(database: Database, name = ''): Promise<void> {
  const dropped = await dropCopy(database, name);
  if (dropped.length === 0) throw new WrongUsage(`There is no copy ${name}; copies shows those that there are.`);
  for (const { table } of dropped) console.log(`${table} is gone.`);
}
