import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { MINUTE, millisecondsBetween, type Instant } from '../kernel/time.ts';
import { sha256Hex } from './user-account.messages.ts';

/** After this long a reservation whose account never came into being may be taken over. */
export const RESERVATION_WAITS = MINUTE;

// The id is the HMAC-SHA-256 of the normalised address: one stream per address is what makes an address unique, and holds no address.
const parties = { emailHash: sha256Hex, userId: uuid };

// Events
export const emailReserved = defineEvent('EmailReserved', {
  sentence: 'An e-mail address was set aside for an account.',
  schema: z.object({ ...parties, reservedAt: z.iso.datetime() }),
});
export const emailReleased = defineEvent('EmailReleased', {
  sentence: 'An e-mail address may be used by another account again.',
  schema: z.object(parties),
});
const events = [emailReserved, emailReleased] as const;
export type EmailReservationEvent = EventOf<typeof events>;

// Commands
export const reserveEmail = defineCommand('ReserveEmail', {
  sentence: 'Set an e-mail address aside for an account about to be created.',
  data: z.object(parties),
  facts: z.object({ holderHasAccount: z.boolean() }),
});
export const releaseEmail = defineCommand('ReleaseEmail', {
  sentence: 'Give an e-mail address back.',
  data: z.object(parties),
});
const commands = [reserveEmail, releaseEmail] as const;
type EmailReservationCommand = CommandOf<typeof commands>;

// Refusals
export class EmailAlreadyRegistered extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The e-mail address belongs to another account.';
}

// State
export interface EmailReservationState {
  readonly heldBy: string | undefined;
  readonly reservedAt: Instant | undefined;
}
const initial: EmailReservationState = { heldBy: undefined, reservedAt: undefined };

// Decisions
function decide(command: EmailReservationCommand, state: EmailReservationState): readonly EmailReservationEvent[] {
  const { emailHash, userId } = command.data;
  switch (command.type) {
    case 'ReserveEmail': {
      if (state.heldBy === userId) return [];
      const abandoned =
        !command.facts.holderHasAccount &&
        state.reservedAt !== undefined &&
        millisecondsBetween(state.reservedAt, command.at) >= RESERVATION_WAITS;
      if (state.heldBy !== undefined && !abandoned) throw new EmailAlreadyRegistered();
      return [event(emailReserved, { emailHash, userId, reservedAt: command.at })];
    }
    case 'ReleaseEmail':
      // Somebody else's reservation stays: a late release must not free an address that was taken over meanwhile.
      return state.heldBy === userId ? [event(emailReleased, { emailHash, userId })] : [];
    default:
      return unreachable(command);
  }
}

function evolve(state: EmailReservationState, event: EmailReservationEvent): EmailReservationState {
  switch (event.type) {
    case 'EmailReserved':
      return { heldBy: event.data.userId, reservedAt: event.data.reservedAt };
    case 'EmailReleased':
      return { ...state, heldBy: undefined, reservedAt: undefined };
  }
}

export const emailReservation: Decider<EmailReservationState, EmailReservationCommand, EmailReservationEvent> = {
  aggregateType: 'EmailReservation',
  context: 'identity',
  idField: 'emailHash',
  stateVersion: 1,
  commands,
  events,
  refusals: [EmailAlreadyRegistered],
  initial,
  decide,
  evolve,
};
