import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { holderFates, stands, type Claim } from './claim.ts';

/** How many requests a student may have open. */
export const MOST_OPEN_REQUESTS = 10;

// Events
const place = { studentId: uuid, connectionRequestId: uuid };

export const connectionPlaceTaken = defineEvent('ConnectionPlaceTaken', {
  sentence: 'A request counts among the open ones of its student.',
  schema: z.object({ ...place, takenAt: z.iso.datetime(), freed: z.array(uuid) }),
});
export const connectionPlaceFreed = defineEvent('ConnectionPlaceFreed', {
  sentence: 'A request no longer counts among the open ones of its student.',
  schema: z.object(place),
});

const events = [connectionPlaceTaken, connectionPlaceFreed] as const;
export type ConnectionAllowanceEvent = EventOf<typeof events>;

// Commands
export const takeConnectionPlace = defineCommand('TakeConnectionPlace', {
  sentence: "Count a request among the student's open ones.",
  data: z.object(place),
  facts: holderFates,
});
export const freeConnectionPlace = defineCommand('FreeConnectionPlace', {
  sentence: "Count a request no longer among the student's open ones.",
  data: z.object(place),
});

const commands = [takeConnectionPlace, freeConnectionPlace] as const;
type ConnectionAllowanceCommand = CommandOf<typeof commands>;

// Refusals
export class TooManyOpenRequests extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Too many of your requests wait for an answer.';
}

// State
export interface ConnectionAllowanceState {
  readonly taken: readonly Claim[];
}

const initial: ConnectionAllowanceState = { taken: [] };

// Decisions
function decide(command: ConnectionAllowanceCommand, state: ConnectionAllowanceState): readonly ConnectionAllowanceEvent[] {
  const { connectionRequestId } = command.data;
  const counted = state.taken.some((claim) => claim.connectionRequestId === connectionRequestId);
  switch (command.type) {
    case 'TakeConnectionPlace': {
      if (counted) return [];
      const { holders } = command.facts;
      const over = state.taken.filter((claim) => !stands(claim, holders, command.at));
      if (state.taken.length - over.length >= MOST_OPEN_REQUESTS) throw new TooManyOpenRequests({ most: MOST_OPEN_REQUESTS });
      const freed = over.map((claim) => claim.connectionRequestId);
      return [event(connectionPlaceTaken, { ...command.data, takenAt: command.at, freed })];
    }
    case 'FreeConnectionPlace':
      return counted ? [event(connectionPlaceFreed, command.data)] : [];
    default:
      return unreachable(command);
  }
}

function evolve(state: ConnectionAllowanceState, event: ConnectionAllowanceEvent): ConnectionAllowanceState {
  switch (event.type) {
    case 'ConnectionPlaceTaken': {
      const { connectionRequestId, takenAt, freed } = event.data;
      const kept = state.taken.filter((claim) => !freed.includes(claim.connectionRequestId));
      return { taken: [...kept, { connectionRequestId, claimedAt: takenAt }] };
    }
    case 'ConnectionPlaceFreed':
      return { taken: state.taken.filter((claim) => claim.connectionRequestId !== event.data.connectionRequestId) };
  }
}

/** Keeps a student to a number of open requests. */
export const connectionAllowance: Decider<ConnectionAllowanceState, ConnectionAllowanceCommand, ConnectionAllowanceEvent> = {
  aggregateType: 'ConnectionAllowance',
  context: 'matching',
  idField: 'studentId',
  stateVersion: 1,
  commands,
  events,
  refusals: [TooManyOpenRequests],
  initial,
  decide,
  evolve,
};
