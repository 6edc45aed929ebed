import { expect } from '@jest/globals';
import type { EmbeddedPlatform } from './embedded-platform.ts';
import { eventually } from './eventually.ts';

/**
 * Takes the database from a platform that has come to rest, and expects these tables to come back the same from the log, with no mail sent
 * and no event written.
 */
export async function comesBackTheSame(platform: EmbeddedPlatform, tables: readonly string[]): Promise<void> {
  const head = () => platform.foundation.eventStore.head();
  const rows = () => Promise.all(tables.map((table) => platform.foundation.database.query(`select * from ${table} order by key`)));
  const mails = async () => ((await (await fetch(platform.addresses.outboxUrl)).json()) as unknown[]).length;

  await eventually(async () => {
    const { consumers, arrived, waiting } = await progress(platform, await head());
    return consumers - arrived + waiting;
  }, 0);
  const { consumers } = await progress(platform, 0n);
  const before = { rows: await rows(), head: await head(), mails: await mails() };
  await platform.restartWithoutDatabase();
  await eventually(async () => {
    const { arrived, waiting } = await progress(platform, before.head);
    return consumers - arrived + waiting;
  }, 0);
  expect(await rows()).toEqual(before.rows);
  expect(await mails()).toBe(before.mails);
  expect(await head()).toBe(before.head);
}

/** How many consumers there are, how many of them have passed a position, and how much work that is due they have left. */
async function progress({ foundation, clock }: EmbeddedPlatform, head: bigint) {
  const [row] = await foundation.database.query<{ consumers: number; arrived: number; waiting: number }>(
    `select count(*)::int as consumers, (count(*) filter (where position >= $1))::int as arrived,
            (select count(*)::int from engine.outbox where state = 'pending' and (due is null or due <= $2)) as waiting
       from engine.checkpoints`,
    [head, clock.now()],
  );
  return row!;
}
