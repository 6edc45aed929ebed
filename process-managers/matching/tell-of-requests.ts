import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import { noteTutorNotified, remindTutor } from '#domain/matching/connection-request.ts';
import { mailAbout } from '../effects/send-mail.ts';

/** How long before a request runs out the tutor is reminded: 20 hours after it was sent. */
const REMIND_BEFORE_END = 4 * HOUR;

export const tellOfRequests: ProcessManager<Events> = {
  name: 'tell-of-requests',
  context: 'matching',
  sentence: 'The tutor hears of a request and is reminded once before it runs out; the student hears of the answer.',
  on: {
    ConnectionRequestSent: (event) => {
      const { connectionRequestId, studentId, tutorId, subject, level, expiresAt } = event.data;
      const params = { subject, level, expiresAt, otherUserId: studentId };
      return [
        now(mailAbout(event, 'connection-request-received', { userId: tutorId }, params)),
        now(command(noteTutorNotified, { connectionRequestId })),
        at(plus(expiresAt, -REMIND_BEFORE_END), command(remindTutor, { connectionRequestId }), { settledBy: ['request_closed'] }),
      ];
    },
    TutorReminded: (event) => {
      const { studentId, tutorId, subject, level, expiresAt } = event.data;
      const params = { subject, level, expiresAt, otherUserId: studentId };
      return now(mailAbout(event, 'connection-request-reminder', { userId: tutorId }, params));
    },
    ConnectionAccepted: (event) => {
      const { studentId, tutorId } = event.data;
      return now(mailAbout(event, 'connection-accepted', { userId: studentId }, { otherUserId: tutorId }));
    },
    ConnectionRequestExpired: (event) => {
      const { studentId, tutorId } = event.data;
      return now(mailAbout(event, 'connection-request-expired', { userId: studentId }, { otherUserId: tutorId }));
    },
  },
};
