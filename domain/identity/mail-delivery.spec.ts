import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { plus } from '../kernel/time.ts';
import { attempted, bounced, deliveryId, failed, sent, verificationMail } from './mail-delivery.examples.ts';
import * as mail from './mail-delivery.ts';

const { mailDelivery } = mail;

describe('Attempting a mail', () => {
  const attempt = (past: readonly mail.MailDeliveryEvent[], at = MONDAY_NOON) =>
    given(mailDelivery, ...past).when(mail.attemptMail, verificationMail, { at });
  const again = (at: string) => event(mail.mailAttempted, { ...verificationMail, attempt: 2, attemptedAt: at });

  it('is recorded before the mail service is called', () => attempt([]).then(attempted));
  it('may be repeated at once when the service refused', () => attempt([attempted, failed]).then(again(MONDAY_NOON)));
  it('is refused while the outcome of the last attempt is unknown', () =>
    attempt([attempted], plus(MONDAY_NOON, mail.OUTCOME_AWAITED_FOR - 1)).refused(mail.MailOutcomeUnknown));
  it('may be repeated when nothing was heard in time', () => {
    const late = plus(MONDAY_NOON, mail.OUTCOME_AWAITED_FOR);
    attempt([attempted], late).then(again(late));
  });
  it('is nothing new when the mail went out', () => attempt([attempted, sent]).alreadySo());
  it('is nothing new when the mail came back', () => attempt([attempted, sent, bounced]).alreadySo());
});

describe('The outcome of a mail', () => {
  const accept = (...past: readonly mail.MailDeliveryEvent[]) =>
    given(mailDelivery, ...past).when(mail.recordMailSent, { deliveryId, providerMessageId: 'ses-1' });
  const fail = (...past: readonly mail.MailDeliveryEvent[]) =>
    given(mailDelivery, ...past).when(mail.recordMailAttemptFailed, { deliveryId, code: 'Throttling' });
  const bounce = (...past: readonly mail.MailDeliveryEvent[]) =>
    given(mailDelivery, ...past).when(mail.recordMailBounced, { deliveryId, kind: 'permanent' });

  it('is that it was sent', () => accept(attempted).then(sent));
  it('is sent only once', () => accept(attempted, sent).alreadySo());
  it('is not sent without an attempt', () => accept().refused(mail.MailNotAttempted));
  it('is that the service refused it', () => fail(attempted).then(failed));
  it('cannot be refused after it was sent', () => fail(attempted, sent).alreadySo());
  it('cannot be refused without an attempt', () => fail().refused(mail.MailNotAttempted));
  it('may be that it came back', () => bounce(attempted, sent).then(bounced));
  it('comes back only once', () => bounce(attempted, sent, bounced).alreadySo());
  it('cannot come back without an attempt', () => bounce().refused(mail.MailNotAttempted));
});
