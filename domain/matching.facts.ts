import { isReady, studentProfile } from './identity/student-profile.ts';
import { of, provideFacts, type FactProvider } from './kernel/facts.ts';
import { pairId } from './kernel/ids.ts';
import { tutorCalendar } from './lessons/tutor-calendar.ts';
import { chatChannel, createChatChannel } from './matching/chat-channel.ts';
import type { HolderFate } from './matching/claim.ts';
import { connectionAllowance, takeConnectionPlace } from './matching/connection-allowance.ts';
import { claimConnectionGuard, connectionGuard } from './matching/connection-guard.ts';
import {
  acceptConnection,
  connectionRequest,
  isOpen,
  sendConnectionRequest,
  type ConnectionRequestState,
} from './matching/connection-request.ts';
import { endMatch, studentTutorMatch } from './matching/student-tutor-match.ts';
import { isAvailable, tutorProfile } from './tutoring/tutor-profile.ts';

function fateOf(request: ConnectionRequestState): HolderFate {
  if (request.status === 'None') return 'absent';
  return isOpen(request) ? 'open' : 'ended';
}

const requestsOf = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, of(connectionRequest, id)]));
const fatesOf = (requests: Readonly<Record<string, ConnectionRequestState>>) =>
  Object.fromEntries(Object.entries(requests).map(([id, request]) => [id, fateOf(request)]));

/** Matching: who may connect, and whether a place is still held. */
export const matchingFacts: readonly FactProvider[] = [
  provideFacts(claimConnectionGuard, connectionGuard, {
    reads: (_, own) => requestsOf(own.claim === undefined ? [] : [own.claim.connectionRequestId]),
    facts: (requests) => ({ holders: fatesOf(requests) }),
  }),
  provideFacts(takeConnectionPlace, connectionAllowance, {
    reads: (_, own) => requestsOf(own.taken.map((claim) => claim.connectionRequestId)),
    facts: (requests) => ({ holders: fatesOf(requests) }),
  }),
  provideFacts(sendConnectionRequest, connectionRequest, {
    reads: ({ studentId, tutorId }) => ({
      student: of(studentProfile, studentId),
      tutor: of(tutorProfile, tutorId),
      guard: of(connectionGuard, pairId(studentId, tutorId)),
      allowance: of(connectionAllowance, studentId),
      match: of(studentTutorMatch, pairId(studentId, tutorId)),
    }),
    facts: ({ student, tutor, guard, allowance, match }, { connectionRequestId }) => ({
      studentReady: isReady(student),
      tutorAvailable: isAvailable(tutor),
      pairHeldBy: guard.claim?.connectionRequestId ?? null,
      placeTaken: allowance.taken.some((claim) => claim.connectionRequestId === connectionRequestId),
      matchActive: match.status === 'Active',
    }),
  }),
  provideFacts(acceptConnection, connectionRequest, {
    reads: (_, own) => ({
      student: own.parties === undefined ? undefined : of(studentProfile, own.parties.studentId),
      tutor: own.parties === undefined ? undefined : of(tutorProfile, own.parties.tutorId),
    }),
    facts: ({ student, tutor }) => ({
      studentReady: student !== undefined && isReady(student),
      tutorAvailable: tutor !== undefined && isAvailable(tutor),
    }),
  }),
  provideFacts(endMatch, studentTutorMatch, {
    reads: (_, own) => ({ calendar: own.parties === undefined ? undefined : of(tutorCalendar, own.parties.tutorId) }),
    facts: ({ calendar }, { matchId }) => ({
      lessonsAhead: Object.entries(calendar?.slots ?? {})
        .filter(([, slot]) => matchId.startsWith(slot.studentId))
        .map(([bookingId, slot]) => ({ bookingId, endsAt: new Date(slot.lesson.to).toISOString() })),
    }),
  }),
  provideFacts(createChatChannel, chatChannel, {
    reads: ({ matchId }) => ({ match: of(studentTutorMatch, matchId) }),
    facts: ({ match }) => ({ matchActive: match.status === 'Active' }),
  }),
];
