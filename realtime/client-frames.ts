import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { LONGEST_CHAT_MESSAGE } from '#domain/matching/chat-channel.ts';
import { LONGEST_MESSAGE } from '#domain/lessons/lesson-chat.ts';
import type { FrameDefinition } from '#infra/http/asyncapi.ts';
import { parseFrameId } from './frame.ts';

/** The client's own number for a frame: the answer carries it. */
const ref = z.string().max(64).optional();
const clientMessageId = z.string().min(1).max(64);
const lesson = z.object({ lessonId: uuid });
/** A lesson or a channel: whoever takes part hears what happens in it at the moment. */
const room = z.object({ room: z.enum(['lesson', 'channel']), id: uuid });
export type Room = z.output<typeof room>;
const frameId = z.string().refine((text) => parseFrameId(text) !== undefined, 'must be the id of a frame');

const frames = {
  subscribe: { sentence: 'Hear who comes, goes and types in a room.', data: room },
  unsubscribe: { sentence: 'Hear no more of a room.', data: room },
  'lesson:message': {
    sentence:
      'Write in the chat of a lesson. Answered `done` once it is in the log; sent again with the same clientMessageId it is no second message.',
    data: lesson.extend({ clientMessageId, text: z.string().trim().min(1).max(LONGEST_MESSAGE) }),
  },
  'channel:message': {
    sentence: 'Write in a channel. Answered as lesson:message is.',
    data: z.object({ channelId: uuid, clientMessageId, text: z.string().trim().min(1).max(LONGEST_CHAT_MESSAGE) }),
  },
  'lesson:join': { sentence: 'Be in the room of a lesson, for as long as the connection lives or until lesson:leave.', data: lesson },
  'lesson:leave': { sentence: 'Go out of the room of a lesson.', data: lesson },
  typing: { sentence: 'Tell the others of a room that somebody types.', data: room },
  ack: { sentence: 'Every frame up to this one has been dealt with.', data: z.object({ id: frameId }) },
  resume: {
    sentence: 'Send what came after this frame, the last one seen. Answered with the missed frames in order, or with `resync`.',
    data: z.object({ lastId: frameId }),
  },
  ping: { sentence: 'Answered `pong`, for clients that cannot see the ping of the protocol.', data: z.object({}).optional() },
} as const;

type Type = keyof typeof frames;
export type ClientFrame = {
  [T in Type]: { readonly type: T; readonly ref?: string; readonly data: z.output<(typeof frames)[T]['data']> };
}[Type];

const schemas = Object.entries(frames).map(([type, { data }]) => z.object({ type: z.literal(type), ref, data }));
const clientFrame = z.discriminatedUnion('type', schemas as unknown as [(typeof schemas)[0]]);

/** A frame from a client; the zod error when it is none. Throws a SyntaxError when it is not JSON. */
export function readClientFrame(text: string): { ok: true; frame: ClientFrame } | { ok: false; error: z.ZodError } {
  const result = clientFrame.safeParse(JSON.parse(text));
  return result.success ? { ok: true, frame: result.data as unknown as ClientFrame } : { ok: false, error: result.error };
}

/** What clients may send, for the AsyncAPI document. */
export const fromClients: readonly FrameDefinition[] = Object.entries(frames).map(([type, { sentence, data }]) => ({
  type,
  sentence,
  schema: z.object({ type: z.literal(type), ref, data }),
}));
