import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { pair, uuid } from '../kernel/ids.ts';
import { holderFates, stands, type Claim } from './claim.ts';
import { RequestAlreadyOpen } from './connection-request.ts';

// Events
const claimed = { pairId: pair, connectionRequestId: uuid };

export const connectionGuardClaimed = defineEvent('ConnectionGuardClaimed', {
  sentence: 'A request may be the open one of its student and tutor.',
  schema: z.object({ ...claimed, claimedAt: z.iso.datetime() }),
});
export const connectionGuardReleased = defineEvent('ConnectionGuardReleased', {
  sentence: 'Student and tutor have no open request any more.',
  schema: z.object(claimed),
});

const events = [connectionGuardClaimed, connectionGuardReleased] as const;
export type ConnectionGuardEvent = EventOf<typeof events>;

// Commands
export const claimConnectionGuard = defineCommand('ClaimConnectionGuard', {
  sentence: 'Reserve the one open request of a student and a tutor.',
  data: z.object(claimed),
  facts: holderFates,
});
export const releaseConnectionGuard = defineCommand('ReleaseConnectionGuard', {
  sentence: 'Give the reservation back, as its request ended.',
  data: z.object(claimed),
});

const commands = [claimConnectionGuard, releaseConnectionGuard] as const;
type ConnectionGuardCommand = CommandOf<typeof commands>;

// State
export interface ConnectionGuardState {
  readonly claim: Claim | undefined;
}

const initial: ConnectionGuardState = { claim: undefined };

// Decisions
function decide(command: ConnectionGuardCommand, state: ConnectionGuardState): readonly ConnectionGuardEvent[] {
  const { claim } = state;
  const { connectionRequestId } = command.data;
  switch (command.type) {
    case 'ClaimConnectionGuard':
      if (claim?.connectionRequestId === connectionRequestId) return [];
      if (claim !== undefined && stands(claim, command.facts.holders, command.at))
        throw new RequestAlreadyOpen({ connectionRequestId: claim.connectionRequestId });
      return [event(connectionGuardClaimed, { ...command.data, claimedAt: command.at })];
    case 'ReleaseConnectionGuard':
      return claim?.connectionRequestId === connectionRequestId ? [event(connectionGuardReleased, command.data)] : [];
    default:
      return unreachable(command);
  }
}

function evolve(_state: ConnectionGuardState, event: ConnectionGuardEvent): ConnectionGuardState {
  switch (event.type) {
    case 'ConnectionGuardClaimed':
      return { claim: { connectionRequestId: event.data.connectionRequestId, claimedAt: event.data.claimedAt } };
    case 'ConnectionGuardReleased':
      return initial;
  }
}

/** Keeps a student and a tutor to one open request; its id is the pair's. */
export const connectionGuard: Decider<ConnectionGuardState, ConnectionGuardCommand, ConnectionGuardEvent> = {
  aggregateType: 'ConnectionGuard',
  context: 'matching',
  idField: 'pairId',
  stateVersion: 1,
  commands,
  events,
  refusals: [RequestAlreadyOpen],
  initial,
  decide,
  evolve,
};
