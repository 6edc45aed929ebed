import { event } from '../kernel/event.ts';
import { emailReserved } from './email-reservation.ts';
import { miaEmailHash, miaId, somebody } from './user-account.examples.ts';

export const parties = { emailHash: miaEmailHash, userId: miaId };
export const somebodyElse = somebody.userId!;
export const miaReserved = event(emailReserved, { ...parties, reservedAt: '2026-11-23T12:00:00.000Z' });
