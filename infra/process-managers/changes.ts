import { ERASED } from '#domain/kernel/event.ts';
import { changeBy, type OperationsState, type ReactionChange } from '#infra/operations/operations.ts';
import type { ChangedRow, NewRow } from './new-rows.ts';

/** What operators have put in the place of reactions, by the reaction's id. */
export type Changes = ReadonlyMap<string, ReactionChange>;

export const NO_CHANGES: Changes = new Map();

/**
 * What is on record for reactions, acts that nothing has come of yet included: when the outbox is built anew from the log, a reaction must not be
 * carried out as it was although somebody has asked for something else.
 */
export function changesOnRecord({ reactions, open }: OperationsState): Changes {
  const changes = new Map(Object.entries(reactions));
  for (const act of Object.values(open)) {
    if (!('reactionId' in act.data)) continue;
    const { reactionId } = act.data;
    const change = changeBy(act, changes.get(reactionId));
    if (change !== undefined) changes.set(reactionId, change);
  }
  return changes;
}

/** A row as operators want it. */
export function changed(row: NewRow, changes: Changes): ChangedRow {
  const change = readable(changes.get(row.id));
  if (change === undefined) return row;
  const acted = { ...row, acted_by: change.actId };
  switch (change.kind) {
    case 'skip':
      return { ...acted, state: 'skipped', command: null, otherwise: {} };
    case 'edit':
      return row.command === null ? acted : { ...acted, command: { ...row.command, data: dataOf(change) } };
    case 'compensate':
      return {
        ...acted,
        state: 'pending',
        last_error: null,
        command_type: change.commandType,
        command: { type: change.commandType, data: dataOf(change) },
        compensating: true,
      };
  }
}

/** What was written about somebody who has been forgotten since cannot be carried out any more. */
export function readable(change: ReactionChange | undefined): ReactionChange | undefined {
  return change !== undefined && change.kind !== 'skip' && change.data === ERASED ? { kind: 'skip', actId: change.actId } : change;
}

/** The data that an operator wrote. */
export function dataOf({ data }: { readonly data: string }): object {
  return JSON.parse(data) as object;
}
