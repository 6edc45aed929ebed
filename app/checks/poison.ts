import { deciders } from '#domain/deciders.ts';
import type { Change, ColumnType, ProcessManager, Reaction, ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { changesOf } from '#infra/projections/fold.ts';

/** How an event poisons a read model: its function throws, which holds the stream back; or one row that it makes is refused by the table. */
export type Poison = { readonly kind: 'function' } | { readonly kind: 'row'; readonly key: string };

/** One event that a read model cannot take in until the cause is mended. */
export interface PoisonedModel {
  readonly model: ReadModel;
  readonly event: RecordedEvent;
  readonly poison: Poison;
  /** What the event holds back with all that follows it. */
  readonly place: { readonly scope: 'stream' | 'row'; readonly key: string };
  /** The read model as the engine runs it. */
  readonly broken: ReadModel;
}

/** The cause of every poison of one run. */
export interface Cause {
  mended: boolean;
}

/** Poisons a read model by that one of `events` behind which most would have to wait. Throws when it makes nothing of any of them. */
export function poisoned(model: ReadModel, events: readonly RecordedEvent[], kind: Poison['kind'], cause: Cause): PoisonedModel {
  const touching = events.flatMap((event) =>
    changesOf(model, event).map(({ key }) => ({ event, key, place: kind === 'function' ? event.stream : key })),
  );
  const busiest = [...Map.groupBy(touching, ({ place }) => place).values()].toSorted((one, other) => other.length - one.length)[0];
  const first = busiest?.[0];
  if (first === undefined) throw new Error(`The story has nothing for ${model.name}.`);
  const poison: Poison = kind === 'function' ? { kind } : { kind, key: first.key };
  return {
    model,
    event: first.event,
    poison,
    place: { scope: kind === 'function' ? 'stream' : 'row', key: first.place },
    broken: brokenBy(model, first.event, poison, cause),
  };
}

function brokenBy(model: ReadModel, poison: RecordedEvent, kind: Poison, cause: Cause): ReadModel {
  return mapped(model, (event) => {
    const changes = changesOf(model, event);
    if (cause.mended || event.id !== poison.id) return changes;
    // As careless as a message can be: it quotes the whole event.
    if (kind.kind === 'function') throw new Error(`cannot take in ${JSON.stringify(event.data)}`);
    return changes.map((change): Change<object> =>
      change.key === kind.key ? { kind: 'put', key: kind.key, row: refusedRow(model) } : change,
    );
  });
}

/** Tells each poison by itself: a row is refused only when it comes to be written, and not when the next event of its page changes it again. */
export function eachAlone(pieces: readonly (readonly RecordedEvent[])[], poisons: readonly PoisonedModel[]): RecordedEvent[][] {
  const alone = new Set(poisons.map(({ event }) => event.id));
  return pieces.flatMap((piece) => {
    const parts: RecordedEvent[][] = [[]];
    for (const event of piece) {
      if (alone.has(event.id)) parts.push([event], []);
      else parts.at(-1)!.push(event);
    }
    return parts.filter((part) => part.length > 0);
  });
}

/** What is held back by a poison: the event itself and all later ones of its place. */
export function heldBackBy({ model, event: poison, place }: PoisonedModel, log: readonly RecordedEvent[]): RecordedEvent[] {
  const from = log.findIndex(({ id }) => id === poison.id);
  return log
    .slice(from)
    .filter((event) =>
      place.scope === 'stream'
        ? event.stream === place.key && model.on[event.type] !== undefined
        : changesOf(model, event).some(({ key }) => key === place.key),
    );
}

/** The read model without what a poison holds back. */
export function without(poisonedModel: PoisonedModel, log: readonly RecordedEvent[]): ReadModel {
  const { model, place } = poisonedModel;
  const gone = new Set(heldBackBy(poisonedModel, log).map(({ id }) => id));
  return mapped(model, (event) => {
    const changes = changesOf(model, event);
    if (!gone.has(event.id)) return changes;
    return place.scope === 'stream' ? [] : changes.filter(({ key }) => key !== place.key);
  });
}

function mapped(model: ReadModel, handle: (event: RecordedEvent) => readonly Change<object>[]): ReadModel {
  return { ...model, on: Object.fromEntries(Object.keys(model.on).map((type) => [type, handle])) };
}

const REFUSED: Readonly<Record<ColumnType, unknown>> = {
  text: 'zero \u0000',
  uuid: 'not a uuid',
  integer: 2 ** 40,
  bigint: 2n ** 80n,
  boolean: 'perhaps',
  instant: 'never',
  date: 'never',
  json: { text: 'zero \u0000' },
  'text[]': ['zero \u0000'],
  double: 'much',
};
const ACCEPTED: Readonly<Record<ColumnType, unknown>> = {
  text: '',
  uuid: '01900000-0000-7000-8000-000000000000',
  integer: 1,
  bigint: 1,
  boolean: true,
  instant: '2026-11-23T12:00:00.000Z',
  date: '2026-11-23',
  json: {},
  'text[]': [],
  double: 1,
};

/** A row whose last column holds what Postgres refuses. */
function refusedRow(model: ReadModel): object {
  const columns = Object.entries<string>(model.columns).map(([field, type]) => [field, type.replace('?', '') as ColumnType] as const);
  return Object.fromEntries(columns.map(([field, type], nth) => [field, (nth === columns.length - 1 ? REFUSED : ACCEPTED)[type]]));
}

/** A process manager that cannot handle one event until the cause is mended. */
export function brokenManager(manager: ProcessManager, poison: RecordedEvent, cause: Cause): ProcessManager {
  const broken = Object.entries(manager.on).map(([type, handle]) => [
    type,
    (event: RecordedEvent): Reaction | readonly Reaction[] => {
      if (!cause.mended && event.id === poison.id) throw new Error(`cannot react to ${JSON.stringify(event.data)}`);
      return handle!(event);
    },
  ]);
  return { ...manager, on: Object.fromEntries(broken) as ProcessManager['on'] };
}

/** Every text in these events that is declared as personal and could be recognised. */
export function personalTexts(events: readonly RecordedEvent[]): string[] {
  const declared = new Map(deciders.flatMap((decider) => decider.events).map((definition) => [definition.type, definition.personal]));
  const texts = new Set<string>();
  for (const { type, data } of events) {
    for (const field of Object.keys(declared.get(type) ?? {})) {
      const text = (data as Readonly<Record<string, unknown>>)[field];
      if (typeof text === 'string' && text.length > 2) texts.add(text);
    }
  }
  return [...texts];
}
