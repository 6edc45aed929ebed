import { describe, expect, it } from '@jest/globals';
import { miaReady, miaRestricted, minorStarted, studentId } from '#domain/identity/student-profile.examples.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { HOUR, plus } from '#domain/kernel/time.ts';
import { searchGate } from './search-gate.ts';

const rows = (...events: readonly DomainEvent[]) =>
  rowsAfter(
    searchGate,
    ...events.map((one, nth) =>
      recorded(one, { aggregateType: 'StudentProfile', aggregateId: studentId, nth, at: plus(MONDAY_NOON, nth * HOUR) }),
    ),
  );

describe('The gate of the search', () => {
  it('is closed to a student who is not ready', () => expect(rows(...minorStarted)).toEqual({}));
  it('opens when the student is ready', () => expect(rows(miaReady)).toEqual({ [studentId]: { studentId, openSince: MONDAY_NOON } }));
  it('closes when the student is restricted, and opens anew', () => {
    expect(rows(miaReady, miaRestricted)).toEqual({});
    expect(rows(miaReady, miaRestricted, miaReady)).toEqual({ [studentId]: { studentId, openSince: plus(MONDAY_NOON, 2 * HOUR) } });
  });
});
