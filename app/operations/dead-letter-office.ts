import type { AskedAct, Operator, OperationsRecord } from '#infra/operations/record.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import type { Codec } from '#infra/event-store/codec.ts';
import type { EventStoreClient } from '#infra/event-store/client.ts';
import type { Database } from '#infra/postgres/database.ts';
import { OutboxOperations, ReactionActs, type TroubledRow } from '#infra/process-managers/operations.ts';
import { askFor } from '#infra/projections/acts.ts';
import { findParkedKey, heldBackPlaces, listParkedKeys, type ParkedKey } from '#infra/projections/dead-letters.ts';

/** What is held back because it failed: a key of a read model with all later events of it, or an instance of a process manager. */
export interface DeadLetter {
  readonly id: string;
  readonly kind: 'read-model' | 'process-manager';
  /** As `GET /internal/operations` names it. */
  readonly consumer: string;
  /** All of a stream, one row, or an instance. */
  readonly scope: 'stream' | 'row' | 'instance';
  readonly key: string;
  readonly state: 'parked' | 'given up';
  /** The event that failed, and where it is in the log. */
  readonly eventId: string;
  readonly eventType: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly error: string | null;
  readonly attempts: number;
  /** Version of the read model that failed. */
  readonly version: number | null;
  /** Events, or reactions, that wait behind it. */
  readonly behind: number;
  readonly parkedAt: string;
}

export interface EventBehind {
  readonly eventId: string;
  readonly eventType: string;
  readonly stream: string;
  readonly revision: number;
}

export class NoSuchDeadLetter extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'Nothing is held back under this id.';
}

const MANAGER = 'process-manager.';

/** Everything that is held back, of read models and process managers alike, and what can be done about it. */
export class DeadLetterOffice {
  readonly #outbox: OutboxOperations;

  constructor(private readonly database: Database) {
    this.#outbox = new OutboxOperations(database);
  }

  /** The first of them, those that are parked before those that were given up; of one consumer, where that is named. */
  async list({ consumer, limit }: { readonly consumer?: string | undefined; readonly limit: number }): Promise<DeadLetter[]> {
    const isManager = consumer?.startsWith(MANAGER) === true;
    const keys = isManager ? [] : await listParkedKeys(this.database, { consumer }, limit);
    const manager = isManager ? { manager: consumer.slice(MANAGER.length) } : {};
    const rows = consumer !== undefined && !isManager ? [] : await this.#outbox.troubled(limit, { ...manager, state: 'parked' });
    const all = [...keys.map(ofKey), ...rows.map(ofRow)];
    return all.toSorted((one, other) => rank(one) - rank(other)).slice(0, limit);
  }

  /** Throws {@link NoSuchDeadLetter}. */
  async find(id: string): Promise<DeadLetter> {
    const [row] = await this.#outbox.troubled(1, { id, state: 'parked' });
    if (row !== undefined) return ofRow(row);
    const key = await findParkedKey(this.database, id);
    if (key === undefined) throw new NoSuchDeadLetter({ id });
    return ofKey(key);
  }

  /** What waits behind one of a read model, in the order of the log. */
  async behind({ kind, state, consumer, version, scope, key, position }: DeadLetter, limit: number): Promise<EventBehind[]> {
    if (kind !== 'read-model' || state !== 'parked' || version === null || scope === 'instance') return [];
    const places = await heldBackPlaces(this.database, { consumer, version }, { scope, key }, { after: BigInt(position), limit });
    return places.map(({ id, type, stream, revision }) => ({ eventId: id, eventType: type, stream, revision }));
  }
}

/** Asks for an act on what is held back; who leads its group carries it out. Throws {@link NoSuchDeadLetter}. */
export async function askAbout(
  parts: { readonly database: Database; readonly record: OperationsRecord; readonly reactions: ReactionActs },
  { id, act }: { readonly id: string; readonly act: 'retry' | 'skip' },
  operator: Operator,
): Promise<AskedAct> {
  const { consumer, scope, key } = await new DeadLetterOffice(parts.database).find(id);
  if (scope === 'instance') return parts.reactions[act](id, operator);
  return askFor(parts, { act, consumer, place: { scope, key } }, operator);
}

/** What people may do to reactions, with the stores that are there. */
export function reactionActs(parts: {
  readonly database: Database;
  readonly record: OperationsRecord;
  readonly eventStore: EventStoreClient;
  readonly codec: Codec;
}): ReactionActs {
  const { eventStore, codec } = parts;
  return new ReactionActs({
    ...parts,
    subjectOf: async (stream, revision) => {
      const [event] = await codec.decode(await eventStore.read(stream, { from: revision, limit: 1 }));
      return event === undefined ? undefined : (codec.subjectsOf(event)[0] ?? uuid.safeParse(event.metadata.userId).data);
    },
  });
}

function ofKey({ parked, ...key }: ParkedKey): DeadLetter {
  return { ...key, kind: 'read-model', state: parked ? 'parked' : 'given up' };
}

function ofRow(row: TroubledRow): DeadLetter {
  return {
    id: row.id,
    kind: 'process-manager',
    consumer: `${MANAGER}${row.manager}`,
    scope: 'instance',
    key: row.instance,
    state: 'parked',
    eventId: row.eventId,
    eventType: row.eventType,
    stream: row.eventStream,
    revision: row.eventRevision,
    position: row.position,
    error: row.lastError,
    attempts: row.attempts,
    version: null,
    behind: row.behind,
    parkedAt: row.createdAt,
  };
}

function rank({ state }: DeadLetter): number {
  return state === 'parked' ? 0 : 1;
}
