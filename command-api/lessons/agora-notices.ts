import { z } from 'zod';
import { command, type CommandMessage } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { noteParticipantJoined, noteParticipantLeft, noteRecordingStopped, noteRecordingUploaded } from '#domain/lessons/video-session.ts';

const RTC = 1;
const RECORDING = 3;
/** Somebody came in or went out, as one who speaks or as one who listens. */
const COMES: readonly number[] = [103, 107];
const GOES: readonly number[] = [104, 108];
const UPLOADED = 31;
const RECORDER_LEAVES = 41;
/** The kind of client that a recorder is: it takes part in no lesson. */
const RECORDER_CLIENT = 10;

/** A notification of Agora, as far as we look at it. */
export const agoraNotice = z.object({
  noticeId: z.string().min(1).max(200),
  productId: z.number().int(),
  eventType: z.number().int(),
  payload: z.looseObject({}),
});
export type AgoraNotice = z.output<typeof agoraNotice>;

const presence = z.object({
  channelName: z.string(),
  uid: z
    .number()
    .int()
    .min(1)
    .max(2 ** 32 - 1),
  clientSeq: z.number().int().nonnegative().optional(),
  clientType: z.number().int().optional(),
});
const recording = z.object({
  cname: z.string(),
  details: z.object({ fileList: z.array(z.object({ fileName: z.string() })).default([]) }).default({ fileList: [] }),
});

/** The lesson whose room a channel is. */
function lessonOf(channel: string): string | undefined {
  return uuid.safeParse(channel.replace(/^lesson-/, '')).data;
}

/** What a notification asks to be recorded; undefined for what is no concern of ours. */
export function commandForNotice({ productId, eventType, payload }: AgoraNotice): CommandMessage | undefined {
  if (productId === RTC) {
    const seen = presence.safeParse(payload).data;
    const lessonId = seen === undefined ? undefined : lessonOf(seen.channelName);
    if (seen === undefined || lessonId === undefined || seen.clientType === RECORDER_CLIENT) return undefined;
    const { uid, clientSeq } = seen;
    const data = { lessonId, uid, via: 'agora' as const, ...(clientSeq === undefined ? {} : { clientSeq }) };
    if (COMES.includes(eventType)) return command(noteParticipantJoined, data);
    return GOES.includes(eventType) ? command(noteParticipantLeft, data) : undefined;
  }
  if (productId === RECORDING) {
    const told = recording.safeParse(payload).data;
    const lessonId = told === undefined ? undefined : lessonOf(told.cname);
    if (told === undefined || lessonId === undefined) return undefined;
    if (eventType === RECORDER_LEAVES) return command(noteRecordingStopped, { lessonId });
    const names = told.details.fileList.map(({ fileName }) => fileName);
    const film = names.find((name) => name.endsWith('.mp4')) ?? names[0];
    return eventType === UPLOADED && film !== undefined ? command(noteRecordingUploaded, { lessonId, key: film }) : undefined;
  }
  return undefined;
}
