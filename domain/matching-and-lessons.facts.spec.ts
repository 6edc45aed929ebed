import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { factProviders } from './facts.ts';
import { consentAsked, consentGranted } from './identity/parent-consent.examples.ts';
import { SCOPES_ASKED } from './identity/parent-consent.messages.ts';
import { parentConsent } from './identity/parent-consent.ts';
import { miaReady, minorStarted } from './identity/student-profile.examples.ts';
import { studentProfile } from './identity/student-profile.ts';
import type { CommandDefinition } from './kernel/command.ts';
import type { AnyDecider } from './kernel/decider.ts';
import { event, type DomainEvent } from './kernel/event.ts';
import { pairId, streamOf } from './kernel/ids.ts';
import {
  completed,
  confirmed,
  fortyEuros,
  initiated,
  miaBooksOkafor,
  reserved,
  started,
  wednesdayAtFour,
} from './lessons/lesson-booking.examples.ts';
import * as booking from './lessons/lesson-booking.messages.ts';
import { lessonBooking } from './lessons/lesson-booking.ts';
import { held, hoursSet, taken } from './lessons/tutor-calendar.examples.ts';
import * as calendar from './lessons/tutor-calendar.ts';
import { comesIn, goesOut, roomCreated, together } from './lessons/video-session.examples.ts';
import * as video from './lessons/video-session.ts';
import { channelId, members } from './matching/chat-channel.examples.ts';
import { createChatChannel } from './matching/chat-channel.ts';
import { connectionPlaceTaken, connectionAllowance, takeConnectionPlace } from './matching/connection-allowance.ts';
import { claimConnectionGuard, connectionGuard, connectionGuardClaimed } from './matching/connection-guard.ts';
import { miaAsksOkafor, requestAccepted, requestSent } from './matching/connection-request.examples.ts';
import { acceptConnection, connectionRequest, sendConnectionRequest } from './matching/connection-request.ts';
import { endedBy, established, miaAndOkafor } from './matching/student-tutor-match.examples.ts';
import { endMatch, studentTutorMatch } from './matching/student-tutor-match.ts';
import { paymentIdOf } from './payments/payment-commands.ts';
import * as payment from './payments/payment-events.ts';
import { paymentTransaction } from './payments/payment-transaction.ts';
import { availableTutor, paused } from './tutoring/tutor-profile.examples.ts';
import { tutorProfile } from './tutoring/tutor-profile.ts';

type Stream = readonly [decider: { readonly aggregateType: string }, id: string, ...events: readonly DomainEvent[]];

/** The facts of a command as they follow from streams; `target` is the aggregate that the command is for. */
function factsOf(
  definition: CommandDefinition<string, z.ZodType<object>, z.ZodType<object>>,
  data: object,
  target: readonly [decider: { readonly aggregateType: string }, id: string],
  ...streams: readonly Stream[]
): unknown {
  const provider = factProviders.find(({ command }) => command === definition.type)!;
  const stateOf = ({ decider, id }: { decider: AnyDecider; id: string }) => {
    const found = streams.find(([of, streamId]) => streamOf(of.aggregateType, streamId) === streamOf(decider.aggregateType, id));
    return (found?.slice(2) ?? []).reduce<unknown>((state, one) => decider.evolve(state, one as DomainEvent), decider.initial);
  };
  const [decider, id] = target;
  const reads = provider.reads(data, stateOf({ decider: decider as AnyDecider, id }));
  const states = Object.fromEntries(Object.entries(reads).map(([name, read]) => [name, read === undefined ? undefined : stateOf(read)]));
  return definition.facts!.parse(provider.facts(states, data));
}

const { studentId, tutorId, connectionRequestId } = miaAsksOkafor;
const { bookingId } = miaBooksOkafor;
const { matchId } = miaAndOkafor;
const ready: Stream = [studentProfile, studentId, ...minorStarted, miaReady];
const tutor: Stream = [tutorProfile, tutorId, ...availableTutor];
const match: Stream = [studentTutorMatch, matchId, established];
const sent: Stream = [connectionRequest, connectionRequestId, requestSent];
const claimedAt = '2026-11-23T12:00:00.000Z';
const guard: Stream = [connectionGuard, matchId, event(connectionGuardClaimed, { pairId: matchId, connectionRequestId, claimedAt })];
const place: Stream = [
  connectionAllowance,
  studentId,
  event(connectionPlaceTaken, { studentId, connectionRequestId, takenAt: claimedAt, freed: [] }),
];

describe('Facts of connecting', () => {
  const asked = { ...miaAsksOkafor, subject: 'mathematics', level: 'gcse' };
  const sending = (...streams: readonly Stream[]) =>
    factsOf(sendConnectionRequest, asked, [connectionRequest, connectionRequestId], ...streams);

  it('say that nothing stands in the way', () =>
    expect(sending(ready, tutor, guard, place)).toEqual({
      studentReady: true,
      tutorAvailable: true,
      pairHeldBy: connectionRequestId,
      placeTaken: true,
      matchActive: false,
    }));
  it('say what does', () =>
    expect(sending([tutorProfile, tutorId, ...availableTutor, paused], match)).toEqual({
      studentReady: false,
      tutorAvailable: false,
      pairHeldBy: null,
      placeTaken: false,
      matchActive: true,
    }));
  it('say what became of the request that holds a claim', () => {
    const claiming = (...streams: readonly Stream[]) =>
      factsOf(claimConnectionGuard, { pairId: matchId, connectionRequestId }, [connectionGuard, matchId], guard, ...streams);
    const taking = (...streams: readonly Stream[]) =>
      factsOf(takeConnectionPlace, { studentId, connectionRequestId }, [connectionAllowance, studentId], place, ...streams);
    for (const holding of [claiming, taking]) {
      expect(holding()).toEqual({ holders: { [connectionRequestId]: 'absent' } });
      expect(holding(sent)).toEqual({ holders: { [connectionRequestId]: 'open' } });
      expect(holding([connectionRequest, connectionRequestId, requestSent, requestAccepted])).toEqual({
        holders: { [connectionRequestId]: 'ended' },
      });
    }
    expect(factsOf(claimConnectionGuard, { pairId: matchId, connectionRequestId }, [connectionGuard, matchId])).toEqual({ holders: {} });
  });
  it('say whether the two may still connect when the tutor accepts', () => {
    const accepting = (...streams: readonly Stream[]) =>
      factsOf(acceptConnection, { connectionRequestId }, [connectionRequest, connectionRequestId], sent, ...streams);
    expect(accepting(ready, tutor)).toEqual({ studentReady: true, tutorAvailable: true });
    expect(accepting()).toEqual({ studentReady: false, tutorAvailable: false });
  });
  it('say which lessons lie ahead of the end of a match', () =>
    expect(factsOf(endMatch, { matchId }, [studentTutorMatch, matchId], match, [calendarOf, tutorId, hoursSet, held])).toEqual({
      lessonsAhead: [{ bookingId, endsAt: '2026-11-25T17:00:00.000Z' }],
    }));
  it('say whether a match is active when its channel is made', () => {
    const creating = (...streams: readonly Stream[]) =>
      factsOf(createChatChannel, { channelId, matchId, members }, [{ aggregateType: 'ChatChannel' }, channelId], ...streams);
    expect(creating(match)).toEqual({ matchActive: true });
    expect(creating([studentTutorMatch, matchId, established, endedBy('student')])).toEqual({ matchActive: false });
  });
});

const calendarOf = { aggregateType: calendar.tutorCalendar.aggregateType };
const lesson = (...events: readonly DomainEvent[]): Stream => [lessonBooking, bookingId, ...events];
const calendarIs = (...events: readonly DomainEvent[]): Stream => [calendarOf, tutorId, hoursSet, ...events];
const parties = { paymentId: paymentIdOf(bookingId), ...miaBooksOkafor, payerId: studentId };
const initiatedPayment = event(payment.paymentInitiated, {
  ...parties,
  gross: 4000,
  currency: 'eur',
  feeBps: 2000,
  fee: 800,
  tutorNet: 3200,
  customerKey: 'cus:x',
  intentKey: 'pi:x',
  intentCancelKey: 'pic:x',
});
const processed = event(payment.paymentProcessed, { ...parties, intentId: 'pi_1', chargeId: 'ch_1', gross: 4000, currency: 'eur' });
const paidStream: Stream = [paymentTransaction, parties.paymentId, initiatedPayment, processed];

describe('Facts of lessons', () => {
  const target = [lessonBooking, bookingId] as const;

  it('give the price of the tutor as it was published', () =>
    expect(factsOf(booking.bookLesson, { ...miaBooksOkafor }, target, ready, tutor, match)).toEqual({
      matchActive: true,
      studentReady: true,
      tutorAvailable: true,
      hourlyRateMinor: expect.any(Number),
      currency: expect.any(String),
      timeZone: expect.any(String),
    }));
  it('give no price of a tutor who does not exist', () =>
    expect(factsOf(booking.bookLesson, { ...miaBooksOkafor }, target)).toEqual({
      matchActive: false,
      studentReady: false,
      tutorAvailable: false,
      hourlyRateMinor: null,
      currency: null,
      timeZone: null,
    }));
  it('say until when the slot is held', () => {
    expect(factsOf(booking.recordSlot, { bookingId }, target, lesson(initiated), calendarIs(held))).toEqual({ heldUntil: held.data.until });
    expect(factsOf(booking.recordSlot, { bookingId }, target, lesson(initiated), calendarIs())).toEqual({ heldUntil: null });
  });
  it('say what was paid and whose the slot is', () => {
    const confirming = (...streams: readonly Stream[]) =>
      factsOf(booking.confirmLesson, { bookingId }, target, lesson(initiated, reserved), ...streams);
    const failing = (...streams: readonly Stream[]) =>
      factsOf(booking.failBooking, { bookingId, reason: 'hold_expired' }, target, lesson(initiated, reserved), ...streams);
    const paid = { amountMinor: fortyEuros.amountMinor, currency: 'eur' };
    expect(confirming(paidStream, calendarIs(held, taken))).toEqual({ paid, slotConfirmed: true });
    expect(confirming([paymentTransaction, parties.paymentId, initiatedPayment], calendarIs(held))).toEqual({
      paid: null,
      slotConfirmed: false,
    });
    expect(failing(paidStream, calendarIs(held))).toEqual({ paid, slotOurs: true });
    expect(failing(calendarIs())).toEqual({ paid: null, slotOurs: false });
  });
  it('say who is in the room', () => {
    const room = (...events: readonly DomainEvent[]): Stream => [video.videoSession, bookingId, roomCreated, ...events];
    const starting = (stream: Stream) =>
      factsOf(booking.startLesson, { bookingId }, target, lesson(initiated, reserved, confirmed), stream);
    const ending = (stream: Stream) => factsOf(booking.endLesson, { bookingId, because: 'asked' }, target, lesson(initiated), stream);
    expect(starting(room(comesIn('student')))).toEqual({ bothJoinedAt: null });
    expect(starting(room(comesIn('student'), comesIn('tutor'), together(), goesOut('tutor'), goesOut('student')))).toEqual({
      bothJoinedAt: wednesdayAtFour.startsAt,
    });
    expect(ending(room(comesIn('student')))).toEqual({ emptySince: null });
    expect(ending(room(comesIn('student'), goesOut('student')))).toEqual({ emptySince: '2026-11-25T17:00:00.000Z' });
  });
  it('tell the calendar how the booking stands', () => {
    const slot = { tutorId, bookingId };
    for (const definition of [calendar.holdSlot, calendar.confirmSlot, calendar.releaseSlot]) {
      expect(factsOf(definition, slot, [calendarOf, tutorId], lesson(initiated, reserved))).toEqual({ bookingStatus: 'Reserved' });
      expect(factsOf(definition, slot, [calendarOf, tutorId])).toEqual({ bookingStatus: 'None' });
    }
  });
  it('tell the room whether the lesson is on, and whether the student may be recorded', () => {
    const on = lesson(initiated, reserved, confirmed);
    const over = lesson(initiated, reserved, confirmed, started, completed);
    const at = [video.videoSession, bookingId] as const;
    const room: Stream = [video.videoSession, bookingId, roomCreated];
    const joining = (...streams: readonly Stream[]) =>
      factsOf(video.issueJoinToken, { lessonId: bookingId, recordingConsent: true }, at, room, ...streams);
    expect(factsOf(video.provisionVideoRoom, { lessonId: bookingId }, at, on)).toEqual({ lessonLive: true });
    expect(factsOf(video.closeVideoRoom, { lessonId: bookingId }, at, over)).toEqual({ lessonLive: false });
    expect(joining(on, ready)).toEqual({ lessonLive: true, studentMayBeRecorded: false });
    expect(joining(on, ready, [parentConsent, studentId, consentAsked, consentGranted])).toEqual({
      lessonLive: true,
      studentMayBeRecorded: false,
    });
    const recordingToo = { ...consentGranted, data: { ...consentGranted.data, scopes: [...SCOPES_ASKED] } };
    expect(joining(on, ready, [parentConsent, studentId, consentAsked, recordingToo])).toEqual({
      lessonLive: true,
      studentMayBeRecorded: true,
    });
  });
  it('know a pair by its two people', () => expect(matchId).toBe(pairId(studentId, tutorId)));
});
