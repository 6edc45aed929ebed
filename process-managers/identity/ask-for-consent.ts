import type { Events } from '#domain/deciders.ts';
import { expireParentConsent, remindParent } from '#domain/identity/parent-consent.messages.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { DAY, plus } from '#domain/kernel/time.ts';
import { askParent } from '../effects/ask-parent.ts';
import { mailAbout } from '../effects/send-mail.ts';

/** After so long without an answer the parent is reminded. */
const REMINDERS = [2 * DAY, 5 * DAY];

/** A minor's parent is asked, reminded, and told apart from the child. */
export const askForConsent: ProcessManager<Events> = {
  name: 'ask-for-consent',
  context: 'identity',
  sentence: 'The parent of a minor is asked to consent, reminded after two and five days, and the request ends after seven.',
  on: {
    ParentConsentRequired: ({ data: { studentId } }) =>
      now(effect(askParent, { studentId }), { settledBy: ['consent_already_granted', 'consent_not_needed', 'consent_rounds_exhausted'] }),
    ParentConsentRequested: (event) => {
      const { studentId, round, requestId, requestedAt, expiresAt } = event.data;
      return [
        now(mailAbout(event, 'parent-consent', { consentOf: studentId }, { requestId, expiresAt })),
        ...REMINDERS.map((after) => at(plus(requestedAt, after), command(remindParent, { studentId, round }))),
        at(expiresAt, command(expireParentConsent, { studentId, round })),
      ];
    },
    ParentConsentReminderSent: (event) => {
      const { studentId, requestId, expiresAt } = event.data;
      return now(mailAbout(event, 'parent-consent-reminder', { consentOf: studentId }, { requestId, expiresAt }));
    },
    ParentConsentGranted: (event) => now(mailAbout(event, 'consent-granted', { userId: event.data.studentId })),
    ParentConsentDenied: (event) => now(mailAbout(event, 'consent-not-granted', { userId: event.data.studentId })),
    ParentConsentExpired: (event) => now(mailAbout(event, 'consent-not-granted', { userId: event.data.studentId })),
  },
};
