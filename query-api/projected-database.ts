import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded } from '#domain/kernel/given-when-then.ts';
import { MINUTE, plus, type Instant } from '#domain/kernel/time.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer } from '#infra/postgres/disposable.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';

/** An event of a stream; each is a minute after the one before, from Monday noon on, unless it says when. */
export interface Happened {
  readonly stream: readonly [aggregateType: string, aggregateId: string];
  readonly event: DomainEvent;
  readonly at?: Instant;
}

/** A real Postgres that holds read models as the projection engine fills them from events: for specs of queries. */
export async function projectedDatabase(
  models: readonly ReadModel[],
  ...past: readonly Happened[]
): Promise<{ database: Database; dispose(): Promise<void> }> {
  const server = await disposableServer();
  const { database } = await server.create();
  const log = new MemoryLog();
  const revisions = new Map<string, number>();
  for (const [nth, { stream, event, at }] of past.entries()) {
    const [aggregateType, aggregateId] = stream;
    const revision = revisions.get(stream.join()) ?? 0;
    revisions.set(stream.join(), revision + 1);
    const place = { aggregateType, aggregateId, nth: revision, at: at ?? plus(MONDAY_NOON, nth * MINUTE) };
    log.append({ ...recorded(event, place), position: BigInt(1000 + nth) });
  }
  const failures: unknown[] = [];
  const engine = new ProjectionEngine({
    database,
    models,
    openFeed: log.feeds(),
    readEvent: (stream, revision) => log.readEvent(stream, revision),
    onError: (error) => failures.push(error),
  });
  engine.start();
  const names = models.map(({ name }) => name);
  const ready = await engine.positions.waitFor(names, log.head, 20_000);
  await engine.stop();
  if (!ready || failures.length > 0) throw new AggregateError(failures, 'The read models were not filled');
  return { database, dispose: () => server.dispose() };
}
