import type { Events } from '#domain/deciders.ts';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { columnName, sqlNameOf } from '#infra/projections/tables.ts';

type Model<R extends object> = ReadModel<R, Events>;

/** The columns of a read model, each named as the row's field: what a query selects to get whole rows. */
export function columnsOf<R extends object>(model: Model<R>, alias?: string): string {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return Object.keys(model.columns)
    .map((field) => `${prefix}${columnName(field)} as "${field}"`)
    .join(', ');
}

/** Where queries find a read model: the view of the version that is served. */
export function viewOf<R extends object>(model: Model<R>): string {
  return `${model.context}.${sqlNameOf(model)}`;
}
