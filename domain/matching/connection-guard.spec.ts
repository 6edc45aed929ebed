import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { pairId } from '../kernel/ids.ts';
import { MINUTE, plus } from '../kernel/time.ts';
import type { HolderFate } from './claim.ts';
import * as guard from './connection-guard.ts';
import { miaAsksOkafor } from './connection-request.examples.ts';
import { RequestAlreadyOpen } from './connection-request.ts';

const { connectionGuard } = guard;
const pair = pairId(miaAsksOkafor.studentId, miaAsksOkafor.tutorId);
const first = miaAsksOkafor.connectionRequestId;
const second = '01939a00-0000-7000-8000-0000000000c2';
const claimed = (connectionRequestId: string, claimedAt = MONDAY_NOON) =>
  event(guard.connectionGuardClaimed, { pairId: pair, connectionRequestId, claimedAt });
const released = event(guard.connectionGuardReleased, { pairId: pair, connectionRequestId: first });

describe('Claiming the one open request of a pair', () => {
  const claiming = (
    past: readonly guard.ConnectionGuardEvent[],
    connectionRequestId: string,
    fate: HolderFate = 'absent',
    at = MONDAY_NOON,
  ) =>
    given(connectionGuard, ...past).when(
      guard.claimConnectionGuard,
      { pairId: pair, connectionRequestId },
      { at, facts: { holders: { [first]: fate } } },
    );

  it('works when nobody has', () => claiming([], first).then(claimed(first)));
  it('is nothing new for the same request', () => claiming([claimed(first)], first).alreadySo());
  it('is refused while the other request is open', () =>
    claiming([claimed(first)], second, 'open', plus(MONDAY_NOON, 60 * MINUTE)).refused(RequestAlreadyOpen, { connectionRequestId: first }));
  it('is refused while the other request is on its way', () =>
    claiming([claimed(first)], second, 'absent', plus(MONDAY_NOON, MINUTE)).refused(RequestAlreadyOpen, { connectionRequestId: first }));
  it('works when the other request never came', () =>
    claiming([claimed(first)], second, 'absent', plus(MONDAY_NOON, MINUTE + 1)).then(claimed(second, plus(MONDAY_NOON, MINUTE + 1))));
  it('works when the other request has ended', () => claiming([claimed(first)], second, 'ended').then(claimed(second)));
  it('works after a release', () => claiming([claimed(first), released], second, 'open').then(claimed(second)));
});

describe('Releasing the claim', () => {
  const releasing = (...past: readonly guard.ConnectionGuardEvent[]) =>
    given(connectionGuard, ...past).when(guard.releaseConnectionGuard, { pairId: pair, connectionRequestId: first });

  it('frees the pair', () => releasing(claimed(first)).then(released));
  it('leaves the claim of a later request alone', () => releasing(claimed(second)).alreadySo());
  it('is nothing new the second time', () => releasing(claimed(first), released).alreadySo());
});
