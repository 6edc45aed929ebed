import { z } from 'zod';
import { defineCommand, type Actor, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { pair, pairId, uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';

// Events
const parties = { matchId: pair, studentId: uuid, tutorId: uuid };
const side = z.enum(['student', 'tutor', 'platform']);

export const matchEstablished = defineEvent('MatchEstablished', {
  sentence: 'Student and tutor are connected and may write and book.',
  schema: z.object({ ...parties, connectionRequestId: uuid.optional() }),
});
export const matchEnded = defineEvent('MatchEnded', {
  sentence: 'Student and tutor are no longer connected.',
  schema: z.object({ ...parties, by: side }),
});
export const matchBlocked = defineEvent('MatchBlocked', {
  sentence: 'One side wants nothing more to do with the other.',
  schema: z.object({ ...parties, by: side }),
});

const events = [matchEstablished, matchEnded, matchBlocked] as const;
export type StudentTutorMatchEvent = EventOf<typeof events>;

// Commands
const target = z.object({ matchId: pair });

export const establishMatch = defineCommand('EstablishMatch', {
  sentence: 'Connect a student and a tutor.',
  data: z.object({ ...parties, connectionRequestId: uuid.optional() }),
});
export const endMatch = defineCommand('EndMatch', {
  sentence: 'End a connection with no lesson ahead.',
  data: target,
  facts: z.object({ lessonsAhead: z.array(z.object({ bookingId: uuid, endsAt: z.iso.datetime() })) }),
});
export const blockMatch = defineCommand('BlockMatch', { sentence: 'End a connection for good.', data: target });

const commands = [establishMatch, endMatch, blockMatch] as const;
type StudentTutorMatchCommand = CommandOf<typeof commands>;

// Refusals
export class MatchNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'Student and tutor are not connected.';
}
export class MatchIdIsNotThePair extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The id of a match is that of its student and tutor.';
}
export class NotYourMatch extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This connection is between others.';
}
export class PairIsBlocked extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'One side has blocked the other.';
}
export class LessonsAhead extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Lessons of the two lie ahead; cancel them first.';
}

// State
export interface StudentTutorMatchState {
  readonly status: 'None' | 'Active' | 'Ended' | 'Blocked';
  readonly parties: (z.output<typeof target> & { readonly studentId: string; readonly tutorId: string }) | undefined;
  /** Requests that have connected the two, so that one acted on late does not connect them again. */
  readonly requests: readonly string[];
}

const initial: StudentTutorMatchState = { status: 'None', parties: undefined, requests: [] };

// Decisions
function decide(command: StudentTutorMatchCommand, state: StudentTutorMatchState): readonly StudentTutorMatchEvent[] {
  if (command.type === 'EstablishMatch') return establish(command, state);
  const { parties } = state;
  if (parties === undefined) throw new MatchNotFound();
  const by = sideOf(command.by, parties);
  switch (command.type) {
    case 'EndMatch': {
      if (state.status !== 'Active') return [];
      const ahead = command.facts.lessonsAhead.filter((lesson) => lesson.endsAt > command.at);
      if (ahead.length > 0) throw new LessonsAhead({ bookingIds: ahead.map((lesson) => lesson.bookingId) });
      return [event(matchEnded, { ...parties, by })];
    }
    case 'BlockMatch':
      return state.status === 'Blocked' ? [] : [event(matchBlocked, { ...parties, by })];
    default:
      return unreachable(command);
  }
}

function establish(command: CommandOf<typeof establishMatch>, state: StudentTutorMatchState): readonly StudentTutorMatchEvent[] {
  const { data } = command;
  if (data.matchId !== pairId(data.studentId, data.tutorId)) throw new MatchIdIsNotThePair();
  if (state.status === 'Active') return [];
  if (data.connectionRequestId !== undefined && state.requests.includes(data.connectionRequestId)) return [];
  if (state.status === 'Blocked') throw new PairIsBlocked();
  return [event(matchEstablished, data)];
}

function sideOf(by: Actor, parties: { studentId: string; tutorId: string }): z.output<typeof side> {
  if (by.userId === parties.studentId || by.actingFor === parties.studentId) return 'student';
  if (by.userId === parties.tutorId) return 'tutor';
  if (by.role === 'admin' || by.role === 'internal' || by.role === 'system') return 'platform';
  throw new NotYourMatch();
}

function evolve(state: StudentTutorMatchState, event: StudentTutorMatchEvent): StudentTutorMatchState {
  switch (event.type) {
    case 'MatchEstablished': {
      const { connectionRequestId, ...parties } = event.data;
      const requests = connectionRequestId === undefined ? state.requests : [...state.requests, connectionRequestId];
      return { status: 'Active', parties, requests };
    }
    case 'MatchEnded':
      return { ...state, status: 'Ended' };
    case 'MatchBlocked':
      return { ...state, status: 'Blocked' };
  }
}

export const studentTutorMatch: Decider<StudentTutorMatchState, StudentTutorMatchCommand, StudentTutorMatchEvent> = {
  aggregateType: 'StudentTutorMatch',
  context: 'matching',
  idField: 'matchId',
  stateVersion: 1,
  commands,
  events,
  refusals: [MatchNotFound, MatchIdIsNotThePair, NotYourMatch, PairIsBlocked, LessonsAhead],
  initial,
  decide,
  evolve,
};
