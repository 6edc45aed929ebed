import { describe, expect, it } from '@jest/globals';
import { accountErased } from '#domain/identity/user-account.messages.ts';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { completed, miaBooksOkafor } from '#domain/lessons/lesson-booking.examples.ts';
import * as tutor from '#domain/tutoring/tutor-profile.messages.ts';
import { tutorSearch } from './tutor-search.ts';

const { tutorId } = miaBooksOkafor;
const row = (...events: readonly DomainEvent[]) =>
  rowsAfter(tutorSearch, ...events.map((one, nth) => recorded(one, { aggregateType: 'TutorProfile', aggregateId: tutorId, nth })))[tutorId];
const created = event(tutor.tutorProfileCreated, { tutorId, timeZone: 'Europe/London', displayName: 'Mr Okafor' });
const card = {
  tutorId,
  subjects: [
    { subject: 'mathematics', level: 'gcse' },
    { subject: 'mathematics', level: 'a-level' },
  ],
  hourlyRateMinor: 4000,
  currency: 'eur' as const,
  timeZone: 'Europe/London',
  languages: ['en'],
};
const published = event(tutor.tutorAvailableForMatching, card);

describe('What search knows of tutors', () => {
  it('does not show a tutor who only has a profile', () =>
    expect(row(created)).toMatchObject({ available: false, displayName: 'Mr Okafor' }));
  it('shows an approved tutor with what was published', () =>
    expect(row(created, event(tutor.tutorProfileUpdated, { tutorId, headline: 'Numbers, calmly' }), published)).toEqual({
      tutorId,
      available: true,
      taught: card.subjects,
      subjects: ['mathematics'],
      hourlyRateMinor: 4000,
      currency: 'eur',
      timeZone: 'Europe/London',
      languages: ['en'],
      displayName: 'Mr Okafor',
      headline: 'Numbers, calmly',
      bio: null,
      lessonsGiven: 0,
    }));
  it('hides a tutor who takes a break or is suspended', () => {
    expect(row(created, published, event(tutor.tutorPaused, { tutorId }))).toMatchObject({ available: false });
    expect(row(created, published, event(tutor.tutorSuspended, { tutorId, reason: 'x' }))).toMatchObject({ available: false });
  });
  it('shows a reinstated tutor as before', () => {
    const suspended = event(tutor.tutorSuspended, { tutorId, reason: 'x' });
    const reinstated = (status: 'Available' | 'Paused') => event(tutor.tutorReinstated, { tutorId, status });
    expect(row(created, published, suspended, reinstated('Available'))).toMatchObject({ available: true });
    expect(row(created, published, suspended, reinstated('Paused'))).toMatchObject({ available: false });
  });
  it('forgets an erased tutor', () =>
    expect(row(created, published, event(accountErased, { userId: tutorId, emailHash: 'a'.repeat(64) }))).toMatchObject({
      available: false,
      displayName: null,
      headline: null,
      bio: null,
    }));
  it('counts lessons given', () => expect(row(created, published, completed, completed)).toMatchObject({ lessonsGiven: 2 }));
});
