import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { MINUTE, plus } from '../kernel/time.ts';
import type { HolderFate } from './claim.ts';
import * as allowance from './connection-allowance.ts';
import { miaAsksOkafor } from './connection-request.examples.ts';

const { connectionAllowance } = allowance;
const { studentId } = miaAsksOkafor;
const ids = Array.from({ length: 11 }, (_, n) => `01939a00-0000-7000-8000-0000000002${String(n).padStart(2, '0')}`);
const [first, , , , , , , , , , eleventh] = ids as [string, ...string[]] & { 10: string };
const taken = (connectionRequestId: string, freed: string[] = [], takenAt = MONDAY_NOON) =>
  event(allowance.connectionPlaceTaken, { studentId, connectionRequestId, takenAt, freed });
const freedPlace = event(allowance.connectionPlaceFreed, { studentId, connectionRequestId: first });
const ten = ids.slice(0, 10).map((id) => taken(id));
const all = (fate: HolderFate) => Object.fromEntries(ids.map((id) => [id, fate]));

describe("Taking a place among a student's open requests", () => {
  const taking = (
    past: readonly allowance.ConnectionAllowanceEvent[],
    connectionRequestId: string,
    holders: Record<string, HolderFate> = all('open'),
    at = MONDAY_NOON,
  ) =>
    given(connectionAllowance, ...past).when(allowance.takeConnectionPlace, { studentId, connectionRequestId }, { at, facts: { holders } });

  it('works for the first', () => taking([], first).then(taken(first)));
  it('works for the tenth', () => taking(ten.slice(0, 9), ids[9]!).then(taken(ids[9]!)));
  it('is refused for the eleventh', () => taking(ten, eleventh).refused(allowance.TooManyOpenRequests, { most: 10 }));
  it('works again when one has ended, and forgets that one', () =>
    taking(ten, eleventh, { ...all('open'), [first]: 'ended' }).then(taken(eleventh, [first])));
  it('works again when one never came', () => {
    const later = plus(MONDAY_NOON, MINUTE + 1);
    taking(ten, eleventh, { ...all('open'), [first]: 'absent' }, later).then(taken(eleventh, [first], later));
  });
  it('works again when a place was freed', () => taking([...ten, freedPlace], eleventh).then(taken(eleventh)));
  it('is nothing new for the same request', () => taking(ten, first).alreadySo());
});

describe('Freeing a place', () => {
  const freeing = (...past: readonly allowance.ConnectionAllowanceEvent[]) =>
    given(connectionAllowance, ...past).when(allowance.freeConnectionPlace, { studentId, connectionRequestId: first });

  it('makes room', () => freeing(taken(first)).then(freedPlace));
  it('is nothing new the second time', () => freeing(taken(first), freedPlace).alreadySo());
  it('is nothing new for a request without a place', () => freeing(taken(eleventh)).alreadySo());
});
