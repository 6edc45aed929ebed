import { describe, expect, it } from '@jest/globals';
import { fold } from '#domain/kernel/decider.ts';
import { event } from '#domain/kernel/event.ts';
import { given } from '#domain/kernel/given-when-then.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import {
  compensateReaction,
  editReaction,
  noteActDone,
  noteActFailed,
  operatorActDone,
  operatorActFailed,
  pauseModel,
  retryLetters,
  retryReaction,
  skipLetter,
  skipReaction,
} from './acts.ts';
import { operations } from './operations.ts';

const idOf = (name: string) => followUpId('spec', name);
const by = (actId: string) => ({ actId: idOf(actId), who: 'ada', why: 'case 4711' });
const done = (actId: string, group: 'projections' | 'process-managers' = 'process-managers') =>
  event(operatorActDone, { group, actId: idOf(actId), outcome: 'done' });
const failed = (actId: string) => event(operatorActFailed, { group: 'process-managers', actId: idOf(actId), outcome: 'it has ended' });

const pause = { group: 'projections' as const, ...by('pause'), consumer: 'matching.matches' };
const reactionId = idOf('reaction');
const reaction = {
  group: 'process-managers' as const,
  reactionId,
  manager: 'charge-reserved-slot',
  instance: 'booking',
  eventId: idOf('event'),
  eventType: 'TimeSlotReserved',
  position: '100',
};
const skip = event(skipReaction.requested, { ...reaction, ...by('skip') });
const edit = event(editReaction.requested, { ...reaction, ...by('edit'), subjectId: idOf('mia'), data: '{"to":"mia"}' });
const instead = { ...reaction, ...by('instead'), subjectId: idOf('mia'), commandType: 'FailBooking', data: '{"bookingId":"b"}' };
const letter = {
  group: 'projections' as const,
  consumer: 'matching.matches',
  version: 2,
  scope: 'row' as const,
  key: 'a',
  position: '100',
  eventId: idOf('event'),
  eventType: 'MatchEstablished',
  stream: 'StudentTutorMatch-a',
  revision: 0,
};

describe('What an operator asks for', () => {
  it('is put on record, whatever it is', () => given(operations).when(pauseModel.request, pause).then(event(pauseModel.requested, pause)));
  it('needs who and why', () => expect(pauseModel.request.data.safeParse({ ...pause, why: ' ' }).success).toBe(false));
});

describe('What came of it', () => {
  const asked = event(pauseModel.requested, pause);
  const outcome = { group: 'projections' as const, actId: pause.actId, outcome: 'paused at 100' };

  it('is recorded when it was done', () => given(operations, asked).when(noteActDone, outcome).then(event(operatorActDone, outcome)));
  it('is recorded when it could not be done', () =>
    given(operations, asked).when(noteActFailed, outcome).then(event(operatorActFailed, outcome)));
  it('is recorded once', () => given(operations, asked, done('pause', 'projections')).when(noteActFailed, outcome).alreadySo());
  it('is recorded of nothing that nobody asked for', () => given(operations).when(noteActDone, outcome).alreadySo());
});

describe('When tables are built from the log', () => {
  const state = (...events: Parameters<typeof operations.evolve>[1][]) => fold(operations, events);

  it('a reaction that was given up, edited or compensated is known', () => {
    expect(state(skip, done('skip')).reactions).toEqual({ [reactionId]: { kind: 'skip', actId: idOf('skip') } });
    expect(state(edit, done('edit')).reactions).toEqual({ [reactionId]: { kind: 'edit', actId: idOf('edit'), data: '{"to":"mia"}' } });
    expect(state(event(compensateReaction.requested, instead), done('instead')).reactions).toMatchObject({
      [reactionId]: { kind: 'compensate', commandType: 'FailBooking' },
    });
  });
  it('what could not be done does not count, and what is still open is not forgotten', () => {
    expect(state(skip, failed('skip'))).toMatchObject({ reactions: {}, open: {} });
    expect(Object.keys(state(skip).open)).toEqual([idOf('skip')]);
  });
  it('an edit after a compensation is one of the compensating command', () =>
    expect(state(event(compensateReaction.requested, instead), done('instead'), edit, done('edit')).reactions).toEqual({
      [reactionId]: { kind: 'compensate', actId: idOf('edit'), commandType: 'FailBooking', data: '{"to":"mia"}' },
    }));
  it('trying again changes nothing of what a reaction is', () => {
    const retry = event(retryReaction.requested, { ...reaction, ...by('retry') });
    expect(state(retry, done('retry')).reactions).toEqual({});
    expect(state(edit, done('edit'), retry, done('retry')).reactions).toMatchObject({ [reactionId]: { kind: 'edit' } });
  });
  it('an event that a read model gave up stays out, until it is taken back in', () => {
    const gaveUp = [event(skipLetter.requested, { ...letter, ...by('skip') }), done('skip', 'projections')];
    expect(state(...gaveUp).givenUp).toMatchObject([{ consumer: 'matching.matches', key: 'a', position: '100' }]);
    const { consumer, version, scope, key, group } = letter;
    const takeBack = event(retryLetters.requested, { group, consumer, version, scope, key, ...by('back'), givenUp: true });
    expect(state(...gaveUp, takeBack, done('back', 'projections')).givenUp).toEqual([]);
  });
});
