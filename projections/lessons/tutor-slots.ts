import type { Events } from '#domain/deciders.ts';
import { change, put, remove, type ReadModel } from '#domain/kernel/consumer.ts';

export interface TutorSlotRow {
  readonly bookingId: string;
  readonly tutorId: string;
  readonly studentId: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly blockedFrom: string;
  readonly blockedTo: string;
  /** Null once confirmed; a hold past this moment is in nobody's way. */
  readonly heldUntil: string | null;
}

export const tutorSlots: ReadModel<TutorSlotRow, Events> = {
  name: 'tutor-slots',
  context: 'lessons',
  version: 1,
  sentence: 'Times of tutors that are held or taken.',
  columns: {
    bookingId: 'uuid',
    tutorId: 'uuid',
    studentId: 'uuid',
    startsAt: 'instant',
    endsAt: 'instant',
    blockedFrom: 'instant',
    blockedTo: 'instant',
    heldUntil: 'instant?',
  },
  indexes: [['tutorId', 'blockedTo']],
  on: {
    SlotHeld: ({ data: { until, ...slot } }) => put(slot.bookingId, { ...slot, heldUntil: until }),
    SlotConfirmed: ({ data }) => change(data.bookingId, (row: TutorSlotRow) => ({ ...row, heldUntil: null })),
    SlotReleased: ({ data }) => remove(data.bookingId),
  },
};
