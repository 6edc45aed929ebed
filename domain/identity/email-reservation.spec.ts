import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { MINUTE, plus } from '../kernel/time.ts';
import * as reservation from './email-reservation.ts';
import { miaReserved, parties, somebodyElse } from './email-reservation.examples.ts';

const { emailReservation } = reservation;
const released = event(reservation.emailReleased, parties);
const taken = { ...parties, userId: somebodyElse };

describe('Reserving an e-mail address', () => {
  const reserve = (
    past: readonly reservation.EmailReservationEvent[],
    { by = parties.userId, at = MONDAY_NOON, holderHasAccount = false } = {},
  ) => given(emailReservation, ...past).when(reservation.reserveEmail, { ...parties, userId: by }, { at, facts: { holderHasAccount } });

  it('sets a free address aside', () => reserve([]).then(miaReserved));
  it('is nothing new for its holder', () => reserve([miaReserved], { holderHasAccount: true }).alreadySo());
  it('sets an address aside that was released', () => reserve([miaReserved, released]).then(miaReserved));
  it('is refused to another while the holder has an account', () =>
    reserve([miaReserved], { by: somebodyElse, at: plus(MONDAY_NOON, 60 * MINUTE), holderHasAccount: true }).refused(
      reservation.EmailAlreadyRegistered,
    ));
  it('is refused to another while the holder may still be registering', () =>
    reserve([miaReserved], { by: somebodyElse, at: plus(MONDAY_NOON, MINUTE - 1) }).refused(reservation.EmailAlreadyRegistered));
  it('may be taken over after a minute when no account came into being', () => {
    const at = plus(MONDAY_NOON, MINUTE);
    reserve([miaReserved], { by: somebodyElse, at }).then(event(reservation.emailReserved, { ...taken, reservedAt: at }));
  });
});

describe('Releasing an e-mail address', () => {
  const release = (past: readonly reservation.EmailReservationEvent[], data = parties) =>
    given(emailReservation, ...past).when(reservation.releaseEmail, data);

  it('gives it back', () => release([miaReserved]).then(released));
  it('is nothing new the second time', () => release([miaReserved, released]).alreadySo());
  it('leaves the reservation of somebody else alone', () => release([miaReserved], taken).alreadySo());
});
