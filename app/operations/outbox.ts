import { z } from 'zod';
import type { AskedAct } from '#infra/operations/record.ts';
import { OutboxOperations, type ReactionActs } from '#infra/process-managers/operations.ts';
import { type Arguments, mustSayWhy, openDatabase, printRows, runProgram, WrongUsage } from './arguments.ts';
import { carriedOut, withFoundation } from './connected.ts';
import { reactionActs } from './dead-letter-office.ts';

const USAGE = `npm run outbox -- list                                   what is parked or being tried again
npm run outbox -- show <id>                              what a row would send (may hold personal data)
npm run outbox -- retry <id> --why "…"
npm run outbox -- edit <id> --data '{…}' --why "…"       other data for the same command, then retry
npm run outbox -- skip <id> --why "…"                    give it up; what waits behind goes on
npm run outbox -- compensate <id> [--data '{"type": …, "data": …}'] --why "…"`;

await runProgram(USAGE, async (args) => {
  const [verb = 'list', id] = args.words;
  if (verb !== 'list' && (id === undefined || !z.uuid().safeParse(id).success))
    throw new WrongUsage('Name the row by its id, as list shows it.');
  if (verb !== 'list' && verb !== 'show') return act(args, verb, id!);
  const database = openDatabase();
  try {
    const outbox = new OutboxOperations(database);
    if (verb === 'list') {
      const rows = await outbox.troubled();
      printRows([
        ['id', 'process manager', 'instance', 'state', 'sends', 'attempts', 'behind', 'last error'],
        ...rows.map((row) => [
          row.id,
          row.manager,
          row.instance,
          row.state,
          row.commandType ?? `(${row.eventType})`,
          row.attempts,
          row.behind,
          row.lastError ?? '',
        ]),
      ]);
      return;
    }
    console.log(JSON.stringify(await outbox.show(id!), null, 2));
  } finally {
    await database.close();
  }
});

async function act(args: Arguments, verb: string, id: string): Promise<void> {
  mustSayWhy(args);
  const data = args.data === undefined ? undefined : (JSON.parse(args.data) as { type: string; data: object });
  await withFoundation(async (foundation, signal) => {
    const asked = await asking(reactionActs(foundation), { verb, id, data, args });
    console.log(await carriedOut(foundation, asked, signal));
  });
}

function asking(
  reactions: ReactionActs,
  { verb, id, data, args: { operator } }: { verb: string; id: string; data: { type: string; data: object } | undefined; args: Arguments },
): Promise<AskedAct> {
  if (verb === 'retry') return reactions.retry(id, operator);
  if (verb === 'skip') return reactions.skip(id, operator);
  if (verb === 'compensate') return reactions.compensate(id, operator, data);
  if (verb === 'edit' && data !== undefined) return reactions.editAndRetry(id, data, operator);
  throw new WrongUsage(verb === 'edit' ? 'Give the new data with --data.' : `There is no ${verb}.`);
}
