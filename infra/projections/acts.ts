import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Database } from '#infra/postgres/database.ts';

const place = z.object({ scope: z.enum(['stream', 'row']), key: z.string() });

/** What may be asked of the process that keeps the read models. */
export const projectionAct = z.discriminatedUnion('act', [
  z.object({ act: z.literal('pause'), consumer: z.string() }),
  z.object({ act: z.literal('resume'), consumer: z.string() }),
  /** Tries what is held back under a key again. */
  z.object({ act: z.literal('retry'), consumer: z.string(), place }),
  /** Gives the event up that failed first under a key, and takes in what stands behind it. */
  z.object({ act: z.literal('skip'), consumer: z.string(), place }),
]);
export type ProjectionAct = z.output<typeof projectionAct>;

const ACTS = projectionAct.options.map((option) => option.shape.act.value);

/** Asks for an act, with who and why; its id. Whoever keeps the read models carries it out within a second. */
export async function askFor(database: Database, act: ProjectionAct, operator: { who: string; why: string }): Promise<string> {
  if (operator.who.trim() === '' || operator.why.trim() === '') throw new Error('An act needs who does it and why.');
  const id = randomUUID();
  await database.execute('insert into engine.operator_acts (id, act, target, detail, who, why) values ($1, $2, $3, $4, $5, $6)', [
    id,
    act.act,
    act.consumer,
    JSON.stringify(act),
    operator.who,
    operator.why,
  ]);
  return id;
}

/** What came of an act; undefined when nothing did within `timeoutMs`. */
export async function outcomeOf(
  database: Database,
  id: string,
  timeoutMs: number,
): Promise<{ state: 'done' | 'failed'; outcome: string | null } | undefined> {
  for (const until = performance.now() + timeoutMs; performance.now() < until; await delay(50)) {
    const [row] = await database.query<{ state: 'done' | 'failed'; outcome: string | null }>(
      `select state, outcome from engine.operator_acts where id = $1 and state <> 'requested'`,
      [id],
    );
    if (row !== undefined) return row;
  }
  return undefined;
}

/** Acts that wait, oldest first. */
export async function openActs(database: Database): Promise<{ id: string; act: ProjectionAct }[]> {
  const rows = await database.query<{ id: string; detail: unknown }>(
    `select id, detail from engine.operator_acts where state = 'requested' and act = any($1) order by asked_at`,
    [ACTS],
  );
  return rows.map(({ id, detail }) => ({ id, act: projectionAct.parse(detail) }));
}

/** Notes what came of an act. */
export async function endAct(database: Database, id: string, state: 'done' | 'failed', outcome: string): Promise<void> {
  await database.execute(`update engine.operator_acts set state = $2, outcome = $3, ended_at = clock_timestamp() where id = $1`, [
    id,
    state,
    outcome,
  ]);
}
