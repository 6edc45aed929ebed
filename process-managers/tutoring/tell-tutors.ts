import type { Events } from '#domain/deciders.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import type { ReviewReason } from '#domain/tutoring/tutor-profile.messages.ts';
import { mailAbout } from '../effects/send-mail.ts';

/** As mail templates take them: `degree:unreadable,profile:inappropriate`, as many as fit. */
function listed(reasons: readonly ReviewReason[]): string {
  let list = '';
  for (const { item, code } of reasons) {
    const longer = `${list === '' ? '' : `${list},`}${item.replace(/[,:]/g, ' ')}:${code}`;
    if (longer.length > 500) break;
    list = longer;
  }
  return list;
}

/** Tutors hear what became of their review. Apart from the review itself, so that a mail that cannot be sent holds nothing up. */
export const tellTutors: ProcessManager<Events> = {
  name: 'tell-tutors',
  context: 'tutoring',
  sentence: 'A tutor is told by mail when approved, rejected or asked for more.',
  instance: (event) => event.id,
  on: {
    TutorApproved: (event) => now(mailAbout(event, 'tutor-approved', { userId: event.data.tutorId })),
    TutorRejected: (event) =>
      now(mailAbout(event, 'tutor-rejected', { userId: event.data.tutorId }, { reasons: listed(event.data.reasons) })),
    MoreInformationRequested: (event) =>
      now(mailAbout(event, 'more-information-asked', { userId: event.data.tutorId }, { reasons: listed(event.data.reasons) })),
  },
};
