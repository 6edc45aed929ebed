import { z } from 'zod';
import { Refusal } from '#domain/kernel/refusal.ts';
import { pauseModel, resumeModel, retryLetters, skipLetter } from '#infra/operations/acts.ts';
import type { AskedAct, Operator, OperationsRecord } from '#infra/operations/record.ts';
import type { Database } from '#infra/postgres/database.ts';
import { listLetters, type StoredLetter } from './dead-letters.ts';
import { servedVersions } from './tables.ts';

const place = z.object({ scope: z.enum(['stream', 'row']), key: z.string() });

/** What may be asked of the process that keeps the read models. */
export const projectionAct = z.discriminatedUnion('act', [
  z.object({ act: z.literal('pause'), consumer: z.string() }),
  z.object({ act: z.literal('resume'), consumer: z.string() }),
  /** Tries what is held back under a key again or, when there is no more than what was given up, that. */
  z.object({ act: z.literal('retry'), consumer: z.string(), place }),
  /** Gives the event up that failed first under a key, and takes in what stands behind it. */
  z.object({ act: z.literal('skip'), consumer: z.string(), place }),
]);
export type ProjectionAct = z.output<typeof projectionAct>;

export class NoSuchReadModel extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such read model.';
}
export class NothingHeldBack extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'The read model holds nothing back under this key.';
}

const MOST_LETTERS = 10_000;

/**
 * Puts an act on record; whoever keeps the read models carries it out within a second. Throws {@link NoSuchReadModel}, {@link NothingHeldBack}, and
 * what {@link OperationsRecord.ask} throws.
 */
export async function askFor(
  { database, record }: { readonly database: Database; readonly record: OperationsRecord },
  act: ProjectionAct,
  operator: Operator,
): Promise<AskedAct> {
  const { consumer } = act;
  const version = (await servedVersions(database)).get(consumer);
  if (version === undefined) throw new NoSuchReadModel({ consumer });
  switch (act.act) {
    case 'pause':
      return record.ask(pauseModel, { consumer }, operator);
    case 'resume':
      return record.ask(resumeModel, { consumer }, operator);
    case 'retry': {
      const letters = await listLetters(database, { consumer, parked: act.place }, MOST_LETTERS);
      const isParked = letters.some((each) => each.version === version && !each.skipped);
      if (!isParked && !letters.some(({ skipped }) => skipped)) throw new NothingHeldBack({ consumer, ...act.place });
      return record.ask(retryLetters, { consumer, version, ...act.place, givenUp: !isParked }, operator);
    }
    case 'skip': {
      const failed = failedFirst(await listLetters(database, { consumer, parked: act.place }, MOST_LETTERS), version);
      if (failed === undefined) throw new NothingHeldBack({ consumer, ...act.place });
      const { position, eventId, eventType, stream, revision } = failed;
      return record.ask(skipLetter, { consumer, version, ...act.place, position, eventId, eventType, stream, revision }, operator);
    }
  }
}

/** The event that everything else under its key stands behind. */
function failedFirst(letters: readonly StoredLetter[], version: number): StoredLetter | undefined {
  return letters.find((each) => each.version === version && !each.skipped && each.error !== null);
}
