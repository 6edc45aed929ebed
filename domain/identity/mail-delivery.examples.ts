import { event } from '../kernel/event.ts';
import * as mail from './mail-delivery.ts';
import { miaEmail, miaId } from './user-account.examples.ts';

export const deliveryId = '01939a00-0000-7000-8000-0000000000d1';
export const verificationMail = { deliveryId, template: 'verify-email', recipientId: miaId, recipient: miaEmail, params: {} };
const about = { deliveryId, template: 'verify-email', recipientId: miaId };

export const attempted = event(mail.mailAttempted, { ...verificationMail, attempt: 1, attemptedAt: '2026-11-23T12:00:00.000Z' });
export const sent = event(mail.mailSent, { ...about, providerMessageId: 'ses-1' });
export const failed = event(mail.mailAttemptFailed, { ...about, attempt: 1, code: 'Throttling' });
export const bounced = event(mail.mailBounced, { ...about, kind: 'permanent' });
