import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import type { FrameDefinition } from '#infra/http/asyncapi.ts';

/** Why the server closes a socket, beside the codes of the protocol (1001 going away, 1009 too big). */
export const CLOSE = {
  sessionOver: { code: 4001, reason: 'session over: take a new ticket and resume' },
  tooSlow: { code: 4002, reason: 'too slow: frames piled up; reconnect and resume' },
  tooMuch: { code: 4003, reason: 'too many frames' },
  replaced: { code: 4004, reason: 'too many connections of one person' },
  notAFrame: { code: 4005, reason: 'not a frame' },
} as const;
export type CloseReason = (typeof CLOSE)[keyof typeof CLOSE];

const answer = { ref: z.string().optional() };

/**
 * Frames of the connection itself. Those that follow from events are declared with their notices. All have the form
 * `{ id, type, ts, data }`; these carry no id, because they do not come again.
 */
export const controlFrames: readonly FrameDefinition[] = [
  {
    type: 'welcome',
    sentence: 'The connection is open. Everything up to lastId is read by HTTP with X-Min-Position; later frames come by themselves.',
    schema: z.object({ lastId: z.string(), minPosition: z.string(), userId: uuid, pingEverySeconds: z.number() }),
  },
  {
    type: 'resync',
    sentence: 'Too much was missed to be sent: read the state by HTTP with X-Min-Position and go on from lastId.',
    schema: z.object({ lastId: z.string(), minPosition: z.string() }),
  },
  {
    type: 'resumed',
    sentence: 'Everything that was missed has been sent.',
    schema: z.object({ ...answer, count: z.number().int() }),
  },
  {
    type: 'done',
    sentence: 'What the client asked for is in the log.',
    schema: z.object({ ...answer, id: z.string().optional(), revision: z.number().int().optional(), position: z.string().optional() }),
  },
  {
    type: 'refused',
    sentence: 'What the client asked for is refused: a problem as HTTP answers it.',
    schema: z.object({ ...answer, problem: z.object({ code: z.string(), title: z.string(), status: z.number() }) }),
  },
  {
    type: 'typing',
    sentence: 'Somebody types in a room.',
    schema: z.object({ room: z.enum(['lesson', 'channel']), id: uuid, userId: uuid }),
  },
  { type: 'pong', sentence: 'Answers ping.', schema: z.object(answer) },
];
