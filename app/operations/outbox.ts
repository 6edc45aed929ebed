import { z } from 'zod';
import { OutboxOperations } from '#infra/process-managers/operations.ts';
import { mustSayWhy, openDatabase, printRows, runProgram, WrongUsage } from './arguments.ts';

const USAGE = `npm run outbox -- list                                   what is parked or being tried again
npm run outbox -- show <id>                              what a row would send (may hold personal data)
npm run outbox -- retry <id> --why "…"
npm run outbox -- edit <id> --data '{…}' --why "…"       other data for the same command, then retry
npm run outbox -- skip <id> --why "…"                    give it up; what waits behind goes on
npm run outbox -- compensate <id> [--data '{"type": …, "data": …}'] --why "…"`;

await runProgram(USAGE, async (args) => {
  const [verb = 'list', id] = args.words;
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
    if (id === undefined || !z.uuid().safeParse(id).success) throw new WrongUsage('Name the row by its id, as list shows it.');
    if (verb === 'show') {
      console.log(JSON.stringify(await outbox.show(id), null, 2));
      return;
    }
    mustSayWhy(args);
    const data = args.data === undefined ? undefined : (JSON.parse(args.data) as { type: string; data: object });
    if (verb === 'retry') await outbox.retry(id, args.operator);
    else if (verb === 'skip') await outbox.skip(id, args.operator);
    else if (verb === 'compensate') await outbox.compensate(id, args.operator, data);
    else if (verb === 'edit' && data !== undefined) await outbox.editAndRetry(id, data, args.operator);
    else throw new WrongUsage(verb === 'edit' ? 'Give the new data with --data.' : `There is no ${verb}.`);
    console.log(`${verb}: done; the dispatcher sees it within a second.`);
  } finally {
    await database.close();
  }
});
