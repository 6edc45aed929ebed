import { z } from 'zod';
import { Database } from '#infra/postgres/database.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { readModels } from '#projections/read-models.ts';
import { mustSayWhy, openDatabase, printRows, runProgram, WrongUsage } from './arguments.ts';
import { carriedOut, withFoundation } from './connected.ts';
import { askAbout, DeadLetterOffice, reactionActs } from './dead-letter-office.ts';

const USAGE = `npm run dead-letters -- list [<consumer>]            what read models and process managers hold back because it failed
npm run dead-letters -- show <id>                    one of them, with what waits behind it
npm run dead-letters -- retry <id> --why "…"         try it again, and what waits behind it; also what was given up
npm run dead-letters -- skip <id> --why "…"          give the event, or the reaction, up that failed; what waits behind it goes on

To edit a reaction or send another command in its place: npm run outbox.`;

const MOST = 200;
const BEHIND_SHOWN = 50;

await runProgram(USAGE, async (args) => {
  const [verb = 'list', word] = args.words;
  if (verb === 'list') return withDatabase((database) => list(database, word === undefined ? undefined : consumerNamed(word)));
  if (word === undefined || !z.uuid().safeParse(word).success) throw new WrongUsage('Name one by its id, as list shows it.');
  if (verb === 'show') return withDatabase((database) => show(database, word));
  if (verb !== 'retry' && verb !== 'skip') throw new WrongUsage(`There is no ${verb}.`);
  mustSayWhy(args);
  await withFoundation(async (foundation, signal) => {
    const { database, record } = foundation;
    const act = await askAbout({ database, record, reactions: reactionActs(foundation) }, { id: word, act: verb }, args.operator);
    console.log(await carriedOut(foundation, act, signal));
  });
});

async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const database = openDatabase();
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** The name of a consumer from the plain name of a read model or process manager. */
function consumerNamed(name: string): string {
  const model = readModels.find((each) => [consumerOf(each), each.name].includes(name));
  const manager = processManagers.find((each) => [`process-manager.${each.name}`, each.name].includes(name));
  if (model !== undefined) return consumerOf(model);
  if (manager === undefined) throw new WrongUsage(`There is no read model or process manager ${name}.`);
  return `process-manager.${manager.name}`;
}

async function list(database: Database, consumer: string | undefined): Promise<void> {
  const found = await new DeadLetterOffice(database).list({ consumer, limit: MOST + 1 });
  printRows([
    ['id', 'consumer', 'scope', 'key', 'state', 'failed on', 'attempts', 'behind', 'why'],
    ...found
      .slice(0, MOST)
      .map((each) => [
        each.id,
        each.consumer,
        each.scope,
        each.key,
        each.state,
        each.eventType,
        each.attempts,
        each.behind,
        each.error ?? '',
      ]),
  ]);
  if (found.length > MOST) console.log(`… and more: name a consumer to see its own.`);
}

async function show(database: Database, id: string): Promise<void> {
  const things = new DeadLetterOffice(database);
  const letter = await things.find(id);
  console.log(JSON.stringify({ ...letter, waitingBehind: await things.behind(letter, BEHIND_SHOWN) }, null, 2));
}
