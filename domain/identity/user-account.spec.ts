import { describe, expect, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, HOUR, MINUTE, plus } from '../kernel/time.ts';
import {
  anAdmin,
  anonymous,
  mia,
  miaActivated,
  miaAskedForDeletion,
  miaEmailHash,
  miaId,
  miaRegistered,
  miaRegisters,
  miaRegistrationExpired,
  miaSuspended,
  miaWasSentAToken,
  somebody,
  verificationToken,
} from './user-account.examples.ts';
import * as account from './user-account.messages.ts';
import { userAccount } from './user-account.ts';

const userId = miaId;
const erased = event(account.accountErased, { userId, emailHash: miaEmailHash });

describe('Registering', () => {
  const facts = { emailHeldBy: miaId };
  const register = (data: Partial<typeof miaRegisters> = {}, past: readonly account.UserAccountEvent[] = []) =>
    given(userAccount, ...past).when(account.registerUser, { ...miaRegisters, ...data }, { by: anonymous, facts });

  it('creates an account that waits for verification', () => register().then(miaRegistered));
  it('keeps the address trimmed and in lower case', () => register({ email: '  Mia@Example.ORG ' }).then(miaRegistered));
  it('is nothing new the second time', () => register({}, [miaRegistered]).alreadySo());
  it('is refused when the id belongs to another account', () =>
    register({ emailHash: 'c3'.repeat(32) }, [miaRegistered]).refused(account.UserIdTaken));
  it('is refused without the address being reserved', () =>
    given(userAccount)
      .when(account.registerUser, miaRegisters, { by: anonymous, facts: { emailHeldBy: null } })
      .refused(account.EmailNotReserved));
  it('is refused for administrators', () =>
    given(userAccount)
      .when(account.registerUser, { ...miaRegisters, role: 'admin' }, { by: anonymous, facts })
      .refused(account.AdminsAreNotRegistered));
  it('lets the platform itself seed an administrator', () =>
    given(userAccount)
      .when(account.registerUser, { ...miaRegisters, role: 'admin' }, { facts })
      .then(event(account.accountCreated, { ...miaRegistered.data, role: 'admin' })));
  it('takes only a time zone that exists', () =>
    expect(account.registerUser.data.safeParse({ ...miaRegisters, timeZone: 'Europe/Atlantis' }).success).toBe(false));
});

describe('Asking for another verification mail', () => {
  const ask = (at: string, ...past: readonly account.UserAccountEvent[]) =>
    given(userAccount, ...past).when(account.requestVerification, { userId }, { by: anonymous, at });
  const asked = (requestedAt: string) => event(account.emailVerificationRequested, { userId, requestedAt });
  const minuteLater = plus(MONDAY_NOON, MINUTE);

  it('is allowed a minute after the last one', () => ask(minuteLater, miaRegistered).then(asked(minuteLater)));
  it('is refused within the minute', () =>
    ask(plus(MONDAY_NOON, MINUTE - 1), miaRegistered).refused(account.VerificationTooSoon, { retryAt: minuteLater }));
  it('is refused a sixth time within a day', () => {
    const four = [1, 2, 3, 4].map((hours) => asked(plus(MONDAY_NOON, hours * HOUR)));
    ask(plus(MONDAY_NOON, 5 * HOUR), miaRegistered, ...four).refused(account.TooManyVerifications);
    ask(plus(MONDAY_NOON, DAY), miaRegistered, ...four).then(asked(plus(MONDAY_NOON, DAY)));
  });
  it('is refused once active', () => ask(minuteLater, miaRegistered, miaActivated).refused(account.AccountNotPending));
  it('is refused once closed', () => ask(minuteLater, miaRegistered, miaRegistrationExpired).refused(account.AccountIsClosed));
  it('is refused while suspended', () => ask(minuteLater, miaRegistered, miaActivated, miaSuspended).refused(account.AccountIsSuspended));
  it('needs an account', () => ask(minuteLater).refused(account.AccountNotFound));
});

describe('Recording verification mails', () => {
  const sent = { userId, ...verificationToken };
  const failed = { userId, deliveryId: verificationToken.deliveryId };
  it('notes the hash of the token and when it ends', () =>
    given(userAccount, miaRegistered).when(account.recordVerificationSent, sent).then(miaWasSentAToken));
  it('is nothing new the second time', () =>
    given(userAccount, miaRegistered, miaWasSentAToken).when(account.recordVerificationSent, sent).alreadySo());
  it('is refused when nobody waits for it any more', () =>
    given(userAccount, miaRegistered, miaActivated).when(account.recordVerificationSent, sent).refused(account.AccountNotPending));
  it('notes a mail that came back, once', () => {
    const returned = event(account.emailDeliveryFailed, failed);
    given(userAccount, miaRegistered, miaWasSentAToken).when(account.recordVerificationFailed, failed).then(returned);
    given(userAccount, miaRegistered, returned).when(account.recordVerificationFailed, failed).alreadySo();
    given(userAccount).when(account.recordVerificationFailed, failed).refused(account.AccountNotFound);
  });
});

describe('Somebody registers with a known address', () => {
  const note = (at: string, ...past: readonly account.UserAccountEvent[]) =>
    given(userAccount, ...past).when(account.noteRegistrationAttempt, { userId }, { at });
  const attempted = (attemptedAt: string) => event(account.registrationAttempted, { userId, attemptedAt });
  const hourLater = plus(MONDAY_NOON, HOUR);

  it('is noted, so that the owner can be told', () => note(MONDAY_NOON, miaRegistered, miaActivated).then(attempted(MONDAY_NOON)));
  it('is nothing new within the hour', () => note(plus(hourLater, -1), miaRegistered, attempted(MONDAY_NOON)).alreadySo());
  it('is noted again after an hour', () => note(hourLater, miaRegistered, attempted(MONDAY_NOON)).then(attempted(hourLater)));
  it('is nothing new once closed', () => note(hourLater, miaRegistered, miaRegistrationExpired).alreadySo());
  it('needs an account', () => note(MONDAY_NOON).refused(account.AccountNotFound));
});

describe('Verifying the address', () => {
  const verify = (past: readonly account.UserAccountEvent[], { at = MONDAY_NOON, tokenHash = verificationToken.tokenHash } = {}) =>
    given(userAccount, ...past).when(account.verifyEmail, { userId, tokenHash }, { by: anonymous, at });

  it('activates the account', () => verify([miaRegistered, miaWasSentAToken]).then(miaActivated));
  it('is nothing new with a spent token on an active account', () => verify([miaRegistered, miaWasSentAToken, miaActivated]).alreadySo());
  it('is refused at the very moment the token ends', () =>
    verify([miaRegistered, miaWasSentAToken], { at: plus(MONDAY_NOON, DAY) }).refused(account.VerificationTokenExpired));
  it('is refused with another token', () =>
    verify([miaRegistered, miaWasSentAToken], { tokenHash: 'd4'.repeat(32) }).refused(account.VerificationTokenInvalid));
  it('is refused while suspended', () =>
    verify([miaRegistered, miaWasSentAToken, miaActivated, miaSuspended]).refused(account.AccountIsSuspended));
});

describe('Activating on behalf', () => {
  const activate = (past: readonly account.UserAccountEvent[], by = anAdmin) =>
    given(userAccount, ...past).when(account.activateUser, { userId }, { by });

  it('activates the account', () => activate([miaRegistered]).then(event(account.accountActivated, { userId, method: 'operator' })));
  it('is nothing new when active', () => activate([miaRegistered, miaActivated]).alreadySo());
  it('is refused to the owner', () => activate([miaRegistered], mia).refused(account.AccountNeedsAnOperator));
  it('is refused once closed', () => activate([miaRegistered, miaRegistrationExpired]).refused(account.AccountIsClosed));
});

describe('Expiry of a registration', () => {
  const expire = (at: string, ...past: readonly account.UserAccountEvent[]) =>
    given(userAccount, ...past).when(account.expireUnverified, { userId }, { at });
  const weekLater = plus(MONDAY_NOON, 7 * DAY);

  it('closes the account after a week', () => expire(weekLater, miaRegistered).then(miaRegistrationExpired));
  it('is refused before', () => expire(plus(weekLater, -1), miaRegistered).refused(account.RegistrationNotYetExpired));
  it('is refused once active', () => expire(weekLater, miaRegistered, miaActivated).refused(account.AccountNotPending));
  it('is nothing new when closed', () => expire(weekLater, miaRegistered, miaRegistrationExpired).alreadySo());
});

describe('Suspending and reinstating', () => {
  const suspend = (past: readonly account.UserAccountEvent[], by = anAdmin) =>
    given(userAccount, ...past).when(account.suspendAccount, { userId, reason: 'spam' }, { by });
  const reinstate = (past: readonly account.UserAccountEvent[], by = anAdmin) =>
    given(userAccount, ...past).when(account.reinstateAccount, { userId }, { by });
  const reinstated = event(account.accountReinstated, { userId });

  it('suspends an active account', () => suspend([miaRegistered, miaActivated]).then(miaSuspended));
  it('is nothing new when suspended', () => suspend([miaRegistered, miaActivated, miaSuspended]).alreadySo());
  it('is refused to people', () => suspend([miaRegistered, miaActivated], mia).refused(account.AccountNeedsAnOperator));
  it('is refused before activation', () => suspend([miaRegistered]).refused(account.AccountNotActive));
  it('is refused once closed', () => suspend([miaRegistered, miaRegistrationExpired]).refused(account.AccountIsClosed));
  it('reinstates a suspended account', () => reinstate([miaRegistered, miaActivated, miaSuspended]).then(reinstated));
  it('is nothing new when active again', () => reinstate([miaRegistered, miaActivated, miaSuspended, reinstated]).alreadySo());
  it('refuses to reinstate what was never suspended', () => reinstate([miaRegistered]).refused(account.AccountNotActive));
  it('refuses people to reinstate', () =>
    reinstate([miaRegistered, miaActivated, miaSuspended], mia).refused(account.AccountNeedsAnOperator));
});

describe('Deleting', () => {
  const ask = (past: readonly account.UserAccountEvent[], by = mia) =>
    given(userAccount, ...past).when(account.requestAccountDeletion, { userId }, { by });
  const complete = (...past: readonly account.UserAccountEvent[]) =>
    given(userAccount, ...past).when(account.completeAccountDeletion, { userId });

  it('begins when the owner asks', () => ask([miaRegistered, miaActivated]).then(miaAskedForDeletion));
  it('begins when a parent asks for the child', () =>
    ask([miaRegistered, miaActivated], { role: 'parent', actingFor: miaId }).then(miaAskedForDeletion));
  it('is nothing new while it goes on', () => ask([miaRegistered, miaAskedForDeletion]).alreadySo());
  it('is refused to others', () => ask([miaRegistered, miaActivated], somebody).refused(account.NotYourAccount));
  it('ends with everything forgotten', () => complete(miaRegistered, miaAskedForDeletion).then(erased));
  it('is nothing new when forgotten', () => complete(miaRegistered, miaAskedForDeletion, erased).alreadySo());
  it('is refused when nobody asked', () => complete(miaRegistered).refused(account.DeletionNotRequested));
});
