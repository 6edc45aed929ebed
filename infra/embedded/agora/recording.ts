import { randomUUID } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { Json } from '../http/json.ts';
import type { WebhookQueue } from '../http/webhook-queue.ts';
import { AgoraError, badRequest, noWorker } from './errors.ts';
import { EVENT, PRODUCT, notify } from './state.ts';
import type { AgoraState, Recording } from './state.ts';
import { readRtcToken } from './token.ts';

/** What recording needs to know. */
export interface RecordingParts {
  state: AgoraState;
  queue: WebhookQueue;
  appId: string;
  appCertificate: string;
  /** The address of S3; undefined is the real one. */
  storageEndpoint: () => string | undefined;
}

const RESOURCE_MS = 5 * 60 * 1000;
/** The numbers of Agora's storage regions for AWS that are used. */
const REGIONS: Partial<Record<number, string>> = { 0: 'us-east-1', 4: 'eu-west-1', 7: 'eu-central-1' };

const who = { cname: z.string().min(1).max(64), uid: z.string().regex(/^[1-9]\d*$/) };
const acquireInput = z.object({ ...who, clientRequest: z.looseObject({}) });
const startInput = z.object({
  ...who,
  clientRequest: z.looseObject({
    token: z.string(),
    recordingConfig: z.looseObject({ channelType: z.int().min(0).max(1) }),
    recordingFileConfig: z.object({ avFileType: z.array(z.enum(['hls', 'mp4'])).min(1) }).optional(),
    storageConfig: z.object({
      vendor: z.literal(1),
      region: z.int(),
      bucket: z.string(),
      accessKey: z.string(),
      secretKey: z.string(),
      fileNamePrefix: z.array(z.string().regex(/^[a-zA-Z0-9]+$/)).optional(),
      extensionParams: z.looseObject({}).optional(),
    }),
  }),
});
const stopInput = z.object({ ...who, clientRequest: z.looseObject({}) });

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (!result.success) throw badRequest(z.prettifyError(result.error));
  return result.data;
}

export function acquire({ state }: RecordingParts, input: unknown): Json {
  const { cname, uid } = parse(acquireInput, input);
  return { resourceId: state.addResource(cname, uid, Date.now() + RESOURCE_MS), cname, uid };
}

function checkToken({ appId, appCertificate }: RecordingParts, token: string, channel: string, uid: string): void {
  const claims = readRtcToken(token, appCertificate);
  const fits = claims && claims.appId === appId && claims.channel === channel && (claims.uid === '' || claims.uid === uid);
  if (!fits || claims.expires * 1000 < Date.now()) throw badRequest('The token is not valid for the channel and uid.');
}

/** Starts a recording; the same resource, channel and uid again gives the same recording. */
export function start(parts: RecordingParts, resourceId: string, input: unknown): Json {
  const { cname, uid, clientRequest } = parse(startInput, input);
  const { token, recordingFileConfig, storageConfig } = clientRequest;
  if (recordingFileConfig && !recordingFileConfig.avFileType.includes('hls'))
    throw badRequest('avFileType: mp4 is made of hls and needs it.');
  const fileNamePrefix = storageConfig.fileNamePrefix ?? [];
  if (fileNamePrefix.join('/').length > 128) throw badRequest('fileNamePrefix is too long.');
  const running = parts.state
    .recordings()
    .find((one) => one.resourceId === resourceId && one.channel === cname && one.uid === uid && !one.stopped);
  if (running) return { resourceId, sid: running.sid, cname, uid };
  if (!parts.state.holdsResource(resourceId, cname, uid)) throw new AgoraError(400, 109, 'The resource id has expired.');
  checkToken(parts, token, cname, uid);
  const { bucket, accessKey, secretKey, region } = storageConfig;
  if (REGIONS[region] === undefined) throw badRequest('storageConfig.region is not known.');
  const recording: Recording = {
    sid: randomUUID().replaceAll('-', ''),
    resourceId,
    channel: cname,
    uid,
    storage: { bucket, accessKey, secretKey, fileNamePrefix },
    startedAt: Date.now(),
    stopped: false,
  };
  parts.state.saveRecording(recording);
  return { resourceId, sid: recording.sid, cname, uid };
}

function liveRecording(state: AgoraState, resourceId: string, sid: string): Recording {
  const recording = state.recording(sid);
  if (!recording || recording.resourceId !== resourceId || recording.stopped) throw noWorker();
  return recording;
}

export function query({ state }: RecordingParts, resourceId: string, sid: string): Json {
  const { channel, uid, startedAt } = liveRecording(state, resourceId, sid);
  return {
    resourceId,
    sid,
    cname: channel,
    uid,
    serverResponse: { status: 5, fileListMode: 'json', fileList: [], sliceStartTime: startedAt },
  };
}

/** The files of a recording: a playlist and a film, both without pictures, since nobody sent any. */
function files({ sid, channel, storage }: Recording): { fileName: string; content: string; type: string }[] {
  const base = [...storage.fileNamePrefix, `${sid}_${channel}`].join('/');
  const playlist = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:0\n#EXT-X-ENDLIST\n';
  // An ISO media file with nothing but its file type box.
  const film = '\0\0\0\u0014ftypisom\0\0\u0002\0isom';
  return [
    { fileName: `${base}.m3u8`, content: playlist, type: 'application/x-mpegURL' },
    { fileName: `${base}_0.mp4`, content: film, type: 'video/mp4' },
  ];
}

async function upload(parts: RecordingParts, recording: Recording): Promise<void> {
  const { accessKey, secretKey, bucket } = recording.storage;
  const endpoint = parts.storageEndpoint();
  const client = new S3Client({
    region: 'eu-central-1',
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    forcePathStyle: true,
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  try {
    for (const { fileName, content, type } of files(recording)) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: fileName, Body: content, ContentType: type }));
    }
  } finally {
    client.destroy();
  }
}

/** Ends a recording: its files are put into the bucket, then the notice `uploaded` is sent. */
export async function stop(parts: RecordingParts, resourceId: string, sid: string, input: unknown): Promise<Json> {
  const { cname, uid } = parse(stopInput, input);
  const recording = liveRecording(parts.state, resourceId, sid);
  // In this order a stop that is cut short can be repeated.
  await upload(parts, recording);
  parts.state.saveRecording({ ...recording, stopped: true });
  const fileList = files(recording).map(({ fileName }) => ({
    fileName,
    trackType: 'audio_and_video',
    uid: '0',
    mixedAllUser: true,
    isPlayable: true,
    sliceStartTime: recording.startedAt,
  }));
  const about = { cname, uid, sid, sequence: parts.state.next(`sequence:${sid}`), sendts: Date.now(), serviceType: 0 };
  notify(parts.queue, PRODUCT.recording, EVENT.recorderLeaves, { ...about, details: { msgName: 'recorder_leave', leaveCode: 1 } });
  notify(parts.queue, PRODUCT.recording, EVENT.uploaded, { ...about, details: { msgName: 'uploaded', status: 0, fileList } });
  return { resourceId, sid, cname, uid, serverResponse: { fileListMode: 'json', fileList, uploadingStatus: 'uploaded' } };
}
