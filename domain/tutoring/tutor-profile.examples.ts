import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import * as tutor from './tutor-profile.messages.ts';

/** Mr Okafor teaches mathematics; his account is verified. */
export const tutorId = '01939a00-0000-7000-8000-0000000000b1';
export const okafor: Actor = { role: 'tutor', userId: tutorId };
export const anotherTutor: Actor = { role: 'tutor', userId: '01939a00-0000-7000-8000-0000000000b2' };
export const reviewer: Actor = { role: 'admin', userId: '01939a00-0000-7000-8000-0000000000ad' };
export const anotherReviewer: Actor = { role: 'admin', userId: '01939a00-0000-7000-8000-0000000000ae' };

export const maths = { subject: 'mathematics', level: 'gcse' };
export const physics = { subject: 'physics', level: 'a-level' };
export const okaforProfile = {
  displayName: 'Daniel Okafor',
  headline: 'Patient maths teacher',
  bio: 'Twelve years in the classroom.',
  subjects: [maths],
  hourlyRateMinor: 4000,
  currency: 'gbp' as const,
  timeZone: 'Europe/London',
  languages: ['en'],
};
export const unclear = { item: 'degree', code: 'unreadable' as const };

export const profileStarted = event(tutor.tutorProfileCreated, { tutorId, ...okaforProfile });
export const reviewAsked = event(tutor.reviewRequested, { tutorId, round: 1, partial: false, subjects: [maths] });
export const approved = event(tutor.tutorApproved, { tutorId, round: 1, partial: false, subjects: [maths] });
export const rejected = event(tutor.tutorRejected, { tutorId, round: 1, partial: false, reasons: [unclear] });
export const published = event(tutor.tutorAvailableForMatching, {
  tutorId,
  subjects: [maths],
  hourlyRateMinor: 4000,
  currency: 'gbp',
  timeZone: 'Europe/London',
  languages: ['en'],
});
export const availableTutor = [profileStarted, reviewAsked, approved, published] as const;
export const paused = event(tutor.tutorPaused, { tutorId });
export const suspended = event(tutor.tutorSuspended, { tutorId, reason: 'complaints' });
/** Physics was added after approval: mathematics stays live meanwhile. */
export const physicsAdded = event(tutor.tutorProfileUpdated, { tutorId, subjects: [maths, physics] });
export const physicsReviewAsked = event(tutor.reviewRequested, { tutorId, round: 2, partial: true, subjects: [physics] });
