import type { Queryable } from '#infra/postgres/database.ts';
import type { Consumer } from '#infra/postgres/checkpoints.ts';
import type { DeadLetter, Parked } from './fold.ts';

/** What a read model holds back at the moment. */
export async function loadParked(database: Queryable, { consumer, version }: Consumer): Promise<Parked[]> {
  return database.query<Parked>('select distinct scope, key from engine.dead_letters where consumer = $1 and version = $2', [
    consumer,
    version,
  ]);
}

/** Stores what has been parked, with the checkpoint that has passed it. */
export async function storeLetters(transaction: Queryable, { consumer, version }: Consumer, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  const column = <T>(value: (letter: DeadLetter) => T): T[] => letters.map(value);
  await transaction.execute(
    `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error)
     select $1, $2, * from unnest($3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::text[])
     on conflict do nothing`,
    [
      consumer,
      version,
      column(({ scope }) => scope),
      column(({ key }) => key),
      column(({ event }) => String(event.position)),
      column(({ event }) => event.id),
      column(({ event }) => event.type),
      column(({ event }) => event.stream),
      column(({ event }) => event.revision),
      column(({ error }) => error ?? null),
    ],
  );
}
