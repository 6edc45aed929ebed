import { describe, it } from '@jest/globals';
import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { followUpId } from '../kernel/ids.ts';
import { auditHistoryRead, auditTrail, noteAuditHistoryRead, NotYourAuditTrail, ReasonNeeded } from './audit-trail.ts';

const adminId = followUpId('admin', 'ada');
const ada: Actor = { role: 'admin', userId: adminId };
const reading = {
  adminId,
  aggregateType: 'LessonBooking',
  aggregateId: followUpId('booking'),
  fromRevision: 0,
  count: 3,
  personalShown: false,
};
const shown = { ...reading, personalShown: true, reason: 'Case 4711' };

describe('Reading a history', () => {
  const note = (data: typeof reading, by = ada) => given(auditTrail).when(noteAuditHistoryRead, data, { by });

  it('is recorded', () => note(reading).then(event(auditHistoryRead, reading)));
  it('is recorded each time', () =>
    given(auditTrail, event(auditHistoryRead, reading))
      .when(noteAuditHistoryRead, reading, { by: ada })
      .then(event(auditHistoryRead, reading)));
  it('is recorded with its reason when personal data was shown', () => note(shown).then(event(auditHistoryRead, shown)));
  it('shows no personal data without a reason', () => note({ ...reading, personalShown: true }).refused(ReasonNeeded));
  it('is refused to whoever is no admin', () => note(reading, { role: 'student', userId: adminId }).refused(NotYourAuditTrail));
  it('is refused under the name of another admin', () =>
    note(reading, { role: 'admin', userId: followUpId('admin', 'bob') }).refused(NotYourAuditTrail));
});
