import type { Events } from '#domain/deciders.ts';
import { put, type ReadModel } from '#domain/kernel/consumer.ts';
import type { Availability, BookingTerms } from '#domain/lessons/availability.ts';

export interface TutorAvailabilityRow {
  readonly tutorId: string;
  readonly timeZone: string;
  readonly weekly: Availability['weekly'];
  readonly terms: BookingTerms;
}

export const tutorAvailability: ReadModel<TutorAvailabilityRow, Events> = {
  name: 'tutor-availability',
  context: 'lessons',
  version: 1,
  sentence: 'Weekly hours and terms of tutors.',
  columns: { tutorId: 'uuid', timeZone: 'text', weekly: 'json', terms: 'json' },
  indexes: [],
  on: { AvailabilityRulesSet: ({ data }) => put(data.tutorId, data) },
};

export interface AvailabilityExceptionRow {
  readonly tutorId: string;
  readonly date: string;
  readonly windows: Availability['exceptions'][string];
}

export const availabilityExceptions: ReadModel<AvailabilityExceptionRow, Events> = {
  name: 'availability-exceptions',
  context: 'lessons',
  version: 1,
  sentence: 'Dates on which the hours of a tutor differ.',
  columns: { tutorId: 'uuid', date: 'date', windows: 'json' },
  indexes: [['tutorId', 'date']],
  on: { AvailabilityExceptionAdded: ({ data }) => put(`${data.tutorId}/${data.date}`, data) },
};
