import type { Decider } from '#domain/kernel/decider.ts';
import {
  acts,
  noteActDone,
  noteActFailed,
  operatorActDone,
  operatorActFailed,
  type OperationsCommand,
  type OperationsEvent,
  type OperatorAct,
} from './acts.ts';

/** What an operator has put in the place of what a reaction would do by itself. */
export type ReactionChange =
  | { readonly kind: 'skip'; readonly actId: string }
  /** The data of its command, as JSON. */
  | { readonly kind: 'edit'; readonly actId: string; readonly data: string }
  | { readonly kind: 'compensate'; readonly actId: string; readonly commandType: string; readonly data: string };

/** An event that a read model leaves out because an operator gave it up. */
export type GivenUp = Extract<OperatorAct, { type: 'DeadLetterSkipRequested' }>['data'];

/** What came of an act. */
export interface ConcludedAct {
  readonly actId: string;
  readonly state: 'done' | 'failed';
  readonly outcome: string;
}

/** What operators have asked of one group of consumers, and what of it holds when the engines' tables are built from the log. */
export interface OperationsState {
  /** Acts that nothing has come of yet, by id, in the order in which they were asked for. */
  readonly open: Readonly<Record<string, OperatorAct>>;
  /** By the id of the reaction. */
  readonly reactions: Readonly<Record<string, ReactionChange>>;
  readonly givenUp: readonly GivenUp[];
  /** The acts concluded last, newest first. */
  readonly concluded: readonly ConcludedAct[];
}

const CONCLUDED_KEPT = 100;

/** What an act makes of a reaction, which an earlier act may have changed already; undefined for an act that leaves it as it is. */
export function changeBy(act: OperatorAct, before: ReactionChange | undefined): ReactionChange | undefined {
  const { actId } = act.data;
  switch (act.type) {
    case 'ReactionSkipRequested':
      return { kind: 'skip', actId };
    case 'ReactionEditRequested':
      return before?.kind === 'compensate' ? { ...before, actId, data: act.data.data } : { kind: 'edit', actId, data: act.data.data };
    case 'ReactionCompensationRequested':
      return { kind: 'compensate', actId, commandType: act.data.commandType, data: act.data.data };
    case 'ReactionRetryRequested':
      return before === undefined ? undefined : { ...before, actId };
    case 'ReadModelPauseRequested':
    case 'ReadModelResumeRequested':
    case 'ReadModelRebuildRequested':
    case 'ReadModelCopyRequested':
    case 'ReadModelExportRequested':
    case 'DeadLetterRetryRequested':
    case 'DeadLetterSkipRequested':
      return undefined;
  }
}

function decide({ type, data }: OperationsCommand, { open }: OperationsState): readonly OperationsEvent[] {
  if (type === noteActDone.type) return data.actId in open ? [{ type: operatorActDone.type, data }] : [];
  if (type === noteActFailed.type) return data.actId in open ? [{ type: operatorActFailed.type, data }] : [];
  const asked = acts.find(({ request }) => request.type === type);
  return asked === undefined ? [] : [{ type: asked.requested.type, data } as OperatorAct];
}

function evolve(state: OperationsState, event: OperationsEvent): OperationsState {
  const { actId } = event.data;
  if (event.type !== 'OperatorActDone' && event.type !== 'OperatorActFailed') return { ...state, open: { ...state.open, [actId]: event } };
  const { [actId]: act, ...open } = state.open;
  const { outcome } = event.data;
  const now = { actId, state: event.type === 'OperatorActDone' ? ('done' as const) : ('failed' as const), outcome };
  const concluded = [now, ...state.concluded].slice(0, CONCLUDED_KEPT);
  return act === undefined || now.state === 'failed' ? { ...state, open, concluded } : { ...done(state, act), open, concluded };
}

/** What holds from here on because an act was done. */
function done(state: OperationsState, act: OperatorAct): OperationsState {
  switch (act.type) {
    case 'ReactionRetryRequested':
    case 'ReactionEditRequested':
    case 'ReactionSkipRequested':
    case 'ReactionCompensationRequested': {
      const { reactionId } = act.data;
      const change = changeBy(act, state.reactions[reactionId]);
      return change === undefined ? state : { ...state, reactions: { ...state.reactions, [reactionId]: change } };
    }
    case 'DeadLetterSkipRequested':
      return { ...state, givenUp: [...state.givenUp, act.data] };
    case 'DeadLetterRetryRequested': {
      const { consumer, scope, key, givenUp } = act.data;
      const here = (each: GivenUp): boolean => each.consumer === consumer && each.scope === scope && each.key === key;
      return givenUp ? { ...state, givenUp: state.givenUp.filter((each) => !here(each)) } : state;
    }
    case 'ReadModelPauseRequested':
    case 'ReadModelResumeRequested':
    case 'ReadModelRebuildRequested':
    case 'ReadModelCopyRequested':
    case 'ReadModelExportRequested':
      return state;
  }
}

/**
 * What operators asked of the engines, on record like everything else: who, what, why, and what came of it. It is no part of the domain: nothing
 * there can react to these events, as its list does not have them.
 */
export const operations: Decider<OperationsState, OperationsCommand, OperationsEvent> = {
  aggregateType: 'Operations',
  context: 'operations',
  idField: 'group',
  stateVersion: 1,
  commands: [...acts.map(({ request }) => request), noteActDone, noteActFailed],
  events: [...acts.map(({ requested }) => requested), operatorActDone, operatorActFailed],
  refusals: [],
  initial: { open: {}, reactions: {}, givenUp: [], concluded: [] },
  decide,
  evolve,
};
