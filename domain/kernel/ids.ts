import { hash } from 'node:crypto';
import { z } from 'zod';

/** An id of an aggregate or a person: a UUID in lower case (v7 when minted, v5 when it follows from a cause). */
export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'must be a lower-case UUID');

/** Names our ids apart from everybody else's v5 ids. Never change it: ids of follow-up aggregates depend on it. */
const NAMESPACE = Buffer.from('6f0b9dc24b7a5e0fa1c36d6b8a1f4e57', 'hex');

/**
 * The id that follows from a cause: the same parts give the same UUID v5 (RFC 9562 §5.5), so a retry cannot make a twin.
 * @example followUpId('ChatChannel', matchId)
 */
export function followUpId(...cause: readonly [string, ...string[]]): string {
  const hex = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(cause.join('\u0000'))]), 'hex');
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  // Joined, not concatenated: V8 compares such a string with others many times faster, and ids are kept and compared by the hundred.
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20, 32)].join('-');
}

/** The stream of an aggregate. */
export function streamOf(aggregateType: string, aggregateId: string): string {
  return `${aggregateType}-${aggregateId}`;
}

/** An id that stands for a student and a tutor together, as `ConnectionGuard` and `StudentTutorMatch` have it. */
export function pairId(studentId: string, tutorId: string): string {
  return `${studentId}_${tutorId}`;
}

export const pair = z.string().regex(/^[0-9a-f-]{36}_[0-9a-f-]{36}$/, 'must be <studentId>_<tutorId>');
