import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { connectionAccepted, connectionRequestSent, connectionRequestViewed } from './connection-request.ts';

/** A believable request: Mia asks Mr Okafor for mathematics, on Monday at noon. */
export const miaAsksOkafor = {
  connectionRequestId: '01939a00-0000-7000-8000-0000000000c1',
  studentId: '01939a00-0000-7000-8000-0000000000a1',
  tutorId: '01939a00-0000-7000-8000-0000000000b1',
};
export const mia: Actor = { role: 'student', userId: miaAsksOkafor.studentId };
export const okafor: Actor = { role: 'tutor', userId: miaAsksOkafor.tutorId };
export const somebodyElse: Actor = { role: 'tutor', userId: '01939a00-0000-7000-8000-0000000000ff' };

export const requestSent = event(connectionRequestSent, {
  ...miaAsksOkafor,
  subject: 'mathematics',
  level: 'gcse',
  expiresAt: '2026-11-24T12:00:00.000Z',
});
export const requestViewed = event(connectionRequestViewed, miaAsksOkafor);
export const requestAccepted = event(connectionAccepted, miaAsksOkafor);
