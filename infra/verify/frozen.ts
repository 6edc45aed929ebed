import type { Change, ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';

/** A value that nobody can change, in any depth. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** The same model over rows that cannot be changed: one that changes the row that it was given, and not a copy, fails on it. */
export function overFrozenRows(model: ReadModel): ReadModel {
  const over = (change: Change<object>): Change<object> =>
    change.kind === 'change' ? { ...change, apply: (row) => change.apply(frozen(row)) } : change;
  const on = Object.entries(model.on).map(([type, handle]) => [
    type,
    (event: RecordedEvent) => {
      const changes = handle?.(event) ?? [];
      return Array.isArray(changes) ? (changes as readonly Change<object>[]).map(over) : over(changes as Change<object>);
    },
  ]);
  return { ...model, on: Object.fromEntries(on) as ReadModel['on'] };
}
