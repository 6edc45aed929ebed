import { describe, it } from '@jest/globals';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { pairId } from '../kernel/ids.ts';
import { DAY, plus } from '../kernel/time.ts';
import { mia, miaAsksOkafor, okafor, somebodyElse } from './connection-request.examples.ts';
import { blockedBy, endedBy, established, miaAndOkafor } from './student-tutor-match.examples.ts';
import * as match from './student-tutor-match.ts';

const { studentTutorMatch } = match;
const { matchId } = miaAndOkafor;
type Past = readonly match.StudentTutorMatchEvent[];

describe('Connecting a student and a tutor', () => {
  const { connectionRequestId } = miaAsksOkafor;
  const laterRequest = '01939a00-0000-7000-8000-0000000000c2';
  const connecting = (past: Past, change: object = {}) =>
    given(studentTutorMatch, ...past).when(match.establishMatch, { ...miaAndOkafor, connectionRequestId, ...change });

  it('follows from an accepted request', () => connecting([]).then(established));
  it('is nothing new the second time', () => connecting([established]).alreadySo());
  it('does not happen again for a request acted on late', () => connecting([established, endedBy('student')]).alreadySo());
  it('happens again for a new request', () =>
    connecting([established, endedBy('student')], { connectionRequestId: laterRequest }).then(
      event(match.matchEstablished, { ...miaAndOkafor, connectionRequestId: laterRequest }),
    ));
  it('is refused when one has blocked the other', () =>
    connecting([established, blockedBy('student')], { connectionRequestId: laterRequest }).refused(match.PairIsBlocked));
  it('is refused under the id of another pair', () =>
    connecting([], { matchId: pairId(miaAndOkafor.tutorId, miaAndOkafor.studentId) }).refused(match.MatchIdIsNotThePair));
});

describe('Ending a connection', () => {
  const bookingId = '01939a00-0000-7000-8000-0000000000e1';
  const ending = (past: Past, by: Actor = mia, endsAt = MONDAY_NOON) =>
    given(studentTutorMatch, ...past).when(match.endMatch, { matchId }, { by, facts: { lessonsAhead: [{ bookingId, endsAt }] } });

  it('is possible for the student', () => ending([established]).then(endedBy('student')));
  it('is possible for the tutor', () => ending([established], okafor).then(endedBy('tutor')));
  it('is possible for the platform', () => ending([established], SYSTEM).then(endedBy('platform')));
  it('is refused to others', () => ending([established], somebodyElse).refused(match.NotYourMatch));
  it('is refused while a lesson lies ahead', () =>
    ending([established], mia, plus(MONDAY_NOON, DAY)).refused(match.LessonsAhead, { bookingIds: [bookingId] }));
  it('is nothing new the second time', () => ending([established, endedBy('tutor')]).alreadySo());
  it('needs a connection', () => ending([]).refused(match.MatchNotFound));
});

describe('Blocking', () => {
  const blocking = (past: Past, by: Actor = mia) => given(studentTutorMatch, ...past).when(match.blockMatch, { matchId }, { by });

  it('ends the connection for good', () => blocking([established]).then(blockedBy('student')));
  it('is possible for the parent', () =>
    blocking([established], { role: 'parent', userId: somebodyElse.userId!, actingFor: miaAndOkafor.studentId }).then(
      blockedBy('student'),
    ));
  it('is possible after the end', () => blocking([established, endedBy('student')], okafor).then(blockedBy('tutor')));
  it('is refused to others', () => blocking([established], somebodyElse).refused(match.NotYourMatch));
  it('is nothing new the second time', () => blocking([established, blockedBy('tutor')]).alreadySo());
});
