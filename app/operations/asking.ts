import { z } from 'zod';
import type { Caller } from '#infra/http/endpoint.ts';
import { GROUPS } from '#infra/operations/acts.ts';
import type { Operator } from '#infra/operations/record.ts';

/** Who may act on the engines: administrators, by whatever door. A service may ask how they are doing, and vouch for an administrator. */
export const ACTING = ['admin'] as const;

export const why = z.string().trim().min(1).max(500).describe('On record with the act: a case number rather than a name.');

/** The answer to an act: it is on record, and carried out within a second by the process that leads the group. */
export const asked = z.object({
  id: z.string().describe('Of the act; `GET /internal/operations/acts` says what came of it.'),
  group: z.enum(GROUPS),
  revision: z.number().int(),
  position: z.string(),
});

/** Who asks over HTTP. The same Idempotency-Key asks for the same act. */
export function operatorOf(caller: Caller, reason: string): Operator {
  const { userId, role } = caller.actor;
  return { who: userId ?? role, why: reason, context: caller.commandContext({ reason }) };
}
