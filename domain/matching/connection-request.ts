import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { HOUR, plus, type Instant } from '../kernel/time.ts';
import { MOST_OPEN_REQUESTS, TooManyOpenRequests } from './connection-allowance.ts';

/** How long a tutor may take to answer (24-hour Request Expiry Policy). */
export const REQUEST_VALID_FOR = 24 * HOUR;

// Events
const parties = { connectionRequestId: uuid, studentId: uuid, tutorId: uuid };
const instant = z.iso.datetime();

export const connectionRequestSent = defineEvent('ConnectionRequestSent', {
  sentence: 'A student asked a tutor to connect.',
  schema: z.object({ ...parties, subject: z.string(), level: z.string(), message: z.string().optional(), expiresAt: instant }),
  personal: { message: 'studentId' },
});
export const tutorNotified = defineEvent('TutorNotified', { sentence: 'The tutor was told of the request.', schema: z.object(parties) });
export const tutorReminded = defineEvent('TutorReminded', {
  sentence: 'The tutor is to be reminded that a request runs out.',
  schema: z.object({ ...parties, subject: z.string(), level: z.string(), expiresAt: instant }),
});
export const connectionRequestViewed = defineEvent('ConnectionRequestViewed', {
  sentence: 'The tutor opened the request for the first time.',
  schema: z.object(parties),
});
export const connectionAccepted = defineEvent('ConnectionAccepted', {
  sentence: 'The tutor accepted the request.',
  schema: z.object(parties),
});
export const connectionRejected = defineEvent('ConnectionRejected', {
  sentence: 'The tutor declined the request.',
  schema: z.object({ ...parties, reason: z.string().optional() }),
});
export const connectionWithdrawn = defineEvent('ConnectionWithdrawn', {
  sentence: 'The student took the request back.',
  schema: z.object(parties),
});
export const connectionRequestExpired = defineEvent('ConnectionRequestExpired', {
  sentence: 'The tutor did not answer in time.',
  schema: z.object(parties),
});
export const connectionRequestVoided = defineEvent('ConnectionRequestVoided', {
  sentence: 'The platform ended the request, because one side may no longer connect.',
  schema: z.object({ ...parties, reason: z.enum(['tutor_unavailable', 'student_restricted', 'account_closed']) }),
});

const events = [
  connectionRequestSent,
  tutorNotified,
  tutorReminded,
  connectionRequestViewed,
  connectionAccepted,
  connectionRejected,
  connectionWithdrawn,
  connectionRequestExpired,
  connectionRequestVoided,
] as const;
export type ConnectionRequestEvent = EventOf<typeof events>;

// Commands
const target = z.object({ connectionRequestId: uuid });

export const sendConnectionRequest = defineCommand('SendConnectionRequest', {
  sentence: 'Ask a tutor to connect, about a subject at a level.',
  data: z.object({
    ...parties,
    subject: z.string().trim().min(1).max(60),
    level: z.string().trim().min(1).max(40),
    message: z.string().trim().max(1000).optional(),
  }),
  facts: z.object({
    studentReady: z.boolean(),
    tutorAvailable: z.boolean(),
    pairHeldBy: uuid.nullable(),
    placeTaken: z.boolean(),
    matchActive: z.boolean(),
  }),
});
export const noteTutorNotified = defineCommand('NoteTutorNotified', { sentence: 'Record that the tutor has been told.', data: target });
export const remindTutor = defineCommand('RemindTutor', { sentence: 'Remind the tutor of a request that still waits.', data: target });
export const viewConnectionRequest = defineCommand('ViewConnectionRequest', {
  sentence: 'Mark a request as seen by its tutor.',
  data: target,
});
export const acceptConnection = defineCommand('AcceptConnection', {
  sentence: 'Accept a request that is still valid.',
  data: target,
  facts: z.object({ studentReady: z.boolean(), tutorAvailable: z.boolean() }),
});
export const rejectConnection = defineCommand('RejectConnection', {
  sentence: 'Decline a request.',
  data: target.extend({ reason: z.string().trim().max(500).optional() }),
});
export const withdrawConnection = defineCommand('WithdrawConnection', { sentence: 'Take a request back.', data: target });
export const expireConnectionRequest = defineCommand('ExpireConnectionRequest', {
  sentence: 'End a request whose time is over.',
  data: target,
});
export const voidConnectionRequest = defineCommand('VoidConnectionRequest', {
  sentence: 'End a request because one side may no longer connect.',
  data: target.extend({ reason: connectionRequestVoided.schema.shape.reason }),
});

const commands = [
  sendConnectionRequest,
  noteTutorNotified,
  remindTutor,
  viewConnectionRequest,
  acceptConnection,
  rejectConnection,
  withdrawConnection,
  expireConnectionRequest,
  voidConnectionRequest,
] as const;
type ConnectionRequestCommand = CommandOf<typeof commands>;

// Refusals
export class ConnectionRequestNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such connection request.';
}
export class ConnectionRequestIdTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another connection request has this id.';
}
export class NotYourConnectionRequest extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This connection request belongs to somebody else.';
}
export class NotTheRequestedTutor extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the tutor who was asked may answer this request.';
}
export class StudentNotReady extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The student has not finished onboarding.';
}
export class TutorNotAvailable extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This tutor does not take requests at the moment.';
}
export class RequestAlreadyOpen extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'A request to this tutor is open already.';
}
export class AlreadyConnected extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Student and tutor are connected already.';
}
export class RequestExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The request has expired.';
}
export class RequestNotYetExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The request may still be answered.';
}
export class RequestClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The request has been answered or ended already.';
}

// State
type Parties = z.output<typeof connectionRequestViewed.schema>;

export interface ConnectionRequestState {
  readonly status: 'None' | 'Pending' | 'Viewed' | 'Accepted' | 'Rejected' | 'Expired' | 'Withdrawn' | 'Voided';
  readonly parties: Parties | undefined;
  readonly expiresAt: Instant | undefined;
  readonly about: { readonly subject: string; readonly level: string } | undefined;
  readonly notified: boolean;
  readonly reminded: boolean;
}

const initial: ConnectionRequestState = {
  status: 'None',
  parties: undefined,
  expiresAt: undefined,
  about: undefined,
  notified: false,
  reminded: false,
};

/** Whether a request still waits for its tutor. */
export function isOpen(state: ConnectionRequestState): boolean {
  return state.status === 'Pending' || state.status === 'Viewed';
}

// Decisions
function decide(command: ConnectionRequestCommand, state: ConnectionRequestState): readonly ConnectionRequestEvent[] {
  if (command.type === 'SendConnectionRequest') return send(command, state);
  const parties = state.parties;
  if (parties === undefined) throw new ConnectionRequestNotFound();
  const { by } = command;
  const isTutor = by.userId === parties.tutorId;
  switch (command.type) {
    case 'NoteTutorNotified':
      return state.notified ? [] : [event(tutorNotified, parties)];
    case 'RemindTutor':
      if (state.reminded) return [];
      mustBeOpen(state);
      return [event(tutorReminded, { ...parties, ...state.about!, expiresAt: state.expiresAt! })];
    case 'ViewConnectionRequest':
      if (!isTutor) throw new NotTheRequestedTutor();
      return state.status === 'Pending' ? [event(connectionRequestViewed, parties)] : [];
    case 'AcceptConnection':
      if (!isTutor) throw new NotTheRequestedTutor();
      if (state.status === 'Accepted') return [];
      mustBeOpen(state);
      if (command.at >= state.expiresAt!) throw new RequestExpired();
      if (!command.facts.studentReady) throw new StudentNotReady();
      if (!command.facts.tutorAvailable) throw new TutorNotAvailable();
      return [event(connectionAccepted, parties)];
    case 'RejectConnection':
      if (!isTutor) throw new NotTheRequestedTutor();
      if (state.status === 'Rejected') return [];
      mustBeOpen(state);
      return [event(connectionRejected, { ...parties, ...(command.data.reason === undefined ? {} : { reason: command.data.reason }) })];
    case 'WithdrawConnection':
      if (by.userId !== parties.studentId && by.actingFor !== parties.studentId) throw new NotYourConnectionRequest();
      if (state.status === 'Withdrawn') return [];
      mustBeOpen(state);
      return [event(connectionWithdrawn, parties)];
    case 'ExpireConnectionRequest':
      if (state.status === 'Expired') return [];
      mustBeOpen(state);
      if (command.at < state.expiresAt!) throw new RequestNotYetExpired({ expiresAt: state.expiresAt });
      return [event(connectionRequestExpired, parties)];
    case 'VoidConnectionRequest':
      if (state.status === 'Voided') return [];
      mustBeOpen(state);
      return [event(connectionRequestVoided, { ...parties, reason: command.data.reason })];
    default:
      return unreachable(command);
  }
}

function send(command: CommandOf<typeof sendConnectionRequest>, state: ConnectionRequestState): readonly ConnectionRequestEvent[] {
  const { data, facts, by, at } = command;
  if (by.userId !== data.studentId && by.actingFor !== data.studentId) throw new NotYourConnectionRequest();
  if (state.parties !== undefined) {
    if (state.parties.studentId === data.studentId && state.parties.tutorId === data.tutorId) return [];
    throw new ConnectionRequestIdTaken();
  }
  if (!facts.studentReady) throw new StudentNotReady();
  if (!facts.tutorAvailable) throw new TutorNotAvailable();
  if (facts.matchActive) throw new AlreadyConnected();
  if (facts.pairHeldBy !== data.connectionRequestId) throw new RequestAlreadyOpen({ connectionRequestId: facts.pairHeldBy });
  if (!facts.placeTaken) throw new TooManyOpenRequests({ most: MOST_OPEN_REQUESTS });
  return [event(connectionRequestSent, { ...data, expiresAt: plus(at, REQUEST_VALID_FOR) })];
}

function mustBeOpen(state: ConnectionRequestState): void {
  if (!isOpen(state)) throw new RequestClosed({ status: state.status });
}

function evolve(state: ConnectionRequestState, event: ConnectionRequestEvent): ConnectionRequestState {
  switch (event.type) {
    case 'ConnectionRequestSent': {
      const { connectionRequestId, studentId, tutorId, subject, level, expiresAt } = event.data;
      return { ...initial, status: 'Pending', parties: { connectionRequestId, studentId, tutorId }, about: { subject, level }, expiresAt };
    }
    case 'TutorNotified':
      return { ...state, notified: true };
    case 'TutorReminded':
      return { ...state, reminded: true };
    case 'ConnectionRequestViewed':
      return { ...state, status: 'Viewed' };
    case 'ConnectionAccepted':
      return { ...state, status: 'Accepted' };
    case 'ConnectionRejected':
      return { ...state, status: 'Rejected' };
    case 'ConnectionWithdrawn':
      return { ...state, status: 'Withdrawn' };
    case 'ConnectionRequestExpired':
      return { ...state, status: 'Expired' };
    case 'ConnectionRequestVoided':
      return { ...state, status: 'Voided' };
  }
}

export const connectionRequest: Decider<ConnectionRequestState, ConnectionRequestCommand, ConnectionRequestEvent> = {
  aggregateType: 'ConnectionRequest',
  context: 'matching',
  idField: 'connectionRequestId',
  stateVersion: 1,
  commands,
  events,
  refusals: [
    ConnectionRequestNotFound,
    ConnectionRequestIdTaken,
    NotYourConnectionRequest,
    NotTheRequestedTutor,
    StudentNotReady,
    TutorNotAvailable,
    RequestAlreadyOpen,
    TooManyOpenRequests,
    AlreadyConnected,
    RequestExpired,
    RequestNotYetExpired,
    RequestClosed,
  ],
  initial,
  decide,
  evolve,
};
