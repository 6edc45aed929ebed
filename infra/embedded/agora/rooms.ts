import { z } from 'zod';
import type { Json } from '../http/json.ts';
import type { WebhookQueue } from '../http/webhook-queue.ts';
import { badRequest } from './errors.ts';
import { EVENT, PRODUCT, notify } from './state.ts';
import type { AgoraState } from './state.ts';

const kickInput = z.object({
  appid: z.string(),
  cname: z.string().optional(),
  uid: z.int().optional(),
  ip: z.string().optional(),
  time: z.int().min(0).optional(),
  time_in_seconds: z.int().min(0).optional(),
  privileges: z.array(z.enum(['join_channel', 'publish_audio', 'publish_video'])).min(1),
});
const presenceInput = z.strictObject({
  channel: z.string(),
  uid: z.int().min(1),
  event: z.enum(['join', 'leave']),
  /** Why somebody left: 1 by themselves, 3 sent out by the server, 4 9 10 lost connection. */
  reason: z.int().default(1),
  /** 10 is a recorder. */
  clientType: z.int().optional(),
  /** Seconds since 1970; now when it is left out. */
  at: z.int().optional(),
});
type Presence = z.output<typeof presenceInput>;

/** Why somebody leaves who is sent out through the REST API. */
const KICKED = 3;

/** Somebody enters or leaves a room; it is remembered and notified. A repeated entry or exit is notified again, as Agora may do. */
function move(state: AgoraState, queue: WebhookQueue, { channel, uid, event, reason, clientType, at }: Presence): void {
  const ts = at ?? Math.floor(Date.now() / 1000);
  const about = {
    channelName: channel,
    uid,
    platform: 7,
    clientSeq: state.next('clientSeq'),
    ts,
    ...(clientType === undefined ? {} : { clientType }),
  };
  const joined = state.joinedAt(channel, uid);
  if (event === 'join') {
    state.enter(channel, uid, joined ?? ts);
    notify(queue, PRODUCT.rtc, EVENT.broadcasterJoins, about);
  } else {
    state.leave(channel, uid);
    notify(queue, PRODUCT.rtc, EVENT.broadcasterLeaves, { ...about, reason, duration: joined === undefined ? 0 : ts - joined });
  }
  queue.pump();
}

/** `POST /_control/presence`: what clients do in a room, which no client does to a stand-in. */
export function recordPresence(state: AgoraState, queue: WebhookQueue, input: unknown): Json {
  move(state, queue, presenceInput.parse(input));
  return {};
}

/** Sends somebody out of a room, or everybody when no user is named. */
export function kick(state: AgoraState, queue: WebhookQueue, appId: string, input: unknown): Json {
  const result = kickInput.safeParse(input);
  if (!result.success || result.data.appid !== appId) throw badRequest('The rule is not valid.');
  const { cname, uid } = result.data;
  if (cname === undefined) throw badRequest('cname is needed.');
  const id = state.addKickingRule(result.data);
  for (const member of state.present(cname)) {
    if (uid === undefined || uid === member) move(state, queue, { channel: cname, uid: member, event: 'leave', reason: KICKED });
  }
  // A rule without time acts once and is not kept.
  if ((result.data.time_in_seconds ?? result.data.time ?? 60) === 0) state.removeKickingRule(id);
  return { status: 'success', id };
}

/** Who is in a room now. */
export function channelUsers(state: AgoraState, channel: string): Json {
  const users = state.present(channel);
  if (users.length === 0) return { success: true, data: { channel_exist: false } };
  return { success: true, data: { channel_exist: true, mode: 1, total: users.length, users } };
}
