import { describe, expect, it } from '@jest/globals';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { noticesOf, recorded } from '#domain/kernel/given-when-then.ts';
import { completed, confirmed, failedFor, miaBooksOkafor, started, wednesdayAtFour } from '#domain/lessons/lesson-booking.examples.ts';
import { lessonReminderDue } from '#domain/lessons/lesson-booking.messages.ts';
import { fileShared, miaWrites } from '#domain/lessons/lesson-chat.examples.ts';
import { comesIn } from '#domain/lessons/video-session.examples.ts';
import { miaSaysHello } from '#domain/matching/chat-channel.examples.ts';
import { miaAsksOkafor, requestAccepted, requestSent } from '#domain/matching/connection-request.examples.ts';
import { connectionRejected, connectionRequestExpired } from '#domain/matching/connection-request.ts';
import { established } from '#domain/matching/student-tutor-match.examples.ts';
import { eventFrames } from './event-frames.ts';
import { notices } from './notices.ts';

const examples: readonly DomainEvent[] = [
  completed,
  confirmed,
  failedFor('slot_taken'),
  started,
  event(lessonReminderDue, { ...miaBooksOkafor, ...wednesdayAtFour, minutesBefore: 15 }),
  fileShared,
  miaWrites,
  comesIn('student'),
  miaSaysHello,
  requestSent,
  requestAccepted,
  event(connectionRejected, miaAsksOkafor),
  event(connectionRequestExpired, miaAsksOkafor),
  established,
];
const frames = examples.flatMap((example) =>
  notices.flatMap((one) => noticesOf(one, recorded(example, { aggregateType: 'Spec', aggregateId: 'spec' }))),
);

describe('Frames of events', () => {
  it('have an example here for every event that makes one', () => {
    const makers = notices.flatMap(({ on }) => Object.keys(on));
    expect(new Set(examples.map(({ type }) => type))).toEqual(new Set(makers));
  });

  it('carry exactly what is declared', () => {
    for (const { type, data } of frames) {
      const declared = eventFrames.find((frame) => frame.type === type);
      expect([type, declared?.schema.safeParse(data).error?.issues ?? (declared === undefined ? 'not declared' : [])]).toEqual([type, []]);
    }
  });

  it('are all made by some event', () => {
    expect(new Set(frames.map(({ type }) => type))).toEqual(new Set(eventFrames.map(({ type }) => type)));
  });
});
