import { event } from '../kernel/event.ts';
import { pairId } from '../kernel/ids.ts';
import { miaAsksOkafor } from './connection-request.examples.ts';
import * as match from './student-tutor-match.ts';

const { studentId, tutorId, connectionRequestId } = miaAsksOkafor;

/** Mia and Mr Okafor, connected. */
export const miaAndOkafor = { matchId: pairId(studentId, tutorId), studentId, tutorId };
export const established = event(match.matchEstablished, { ...miaAndOkafor, connectionRequestId });
export const endedBy = (by: 'student' | 'tutor' | 'platform') => event(match.matchEnded, { ...miaAndOkafor, by });
export const blockedBy = (by: 'student' | 'tutor' | 'platform') => event(match.matchBlocked, { ...miaAndOkafor, by });
