import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { UpstreamRefused, UpstreamUnsure, neverSent } from '../upstream-errors.ts';

/** Where the REST API is and who we are. */
export interface AgoraRestOptions {
  appId: string;
  customer: { id: string; secret: string };
  /** Another address than Agora's own two. */
  restUrl?: string | undefined;
  /** Milliseconds until an answer is given up. */
  timeoutMs?: number;
}

/** Where recordings are put: a bucket of ours on AWS, with a key that may only write there. */
export interface RecordingStorage {
  /** Agora's number of the region: 0 us-east-1, 4 eu-west-1, 7 eu-central-1. */
  region: number;
  bucket: string;
  accessKey: string;
  secretKey: string;
  /** Parts of letters and digits only, 128 characters at most in all. */
  fileNamePrefix: string[];
}

const RECORDING = 'https://api.sd-rtn.com';
const ROOMS = 'https://api.agora.io';

const acquired = z.object({ resourceId: z.string() });
const started = z.object({ resourceId: z.string(), sid: z.string() });
const queried = z.object({ serverResponse: z.object({ status: z.number() }) });
const stopped = z.object({ serverResponse: z.object({ uploadingStatus: z.string().optional() }) });
const users = z.object({ data: z.object({ channel_exist: z.boolean(), users: z.array(z.number()).optional() }) });

/** Recording, sending people out, and who is in a room. Every call throws `UpstreamRefused` (code: Agora's number) or `UpstreamUnsure`. */
export class AgoraRooms {
  constructor(private readonly options: AgoraRestOptions) {}

  /** The id under which a recording can be started within five minutes. */
  async acquire(channel: string, recorderUid: number): Promise<string> {
    const body = { cname: channel, uid: String(recorderUid), clientRequest: { resourceExpiredHour: 24, scene: 0 } };
    return (await this.recording('acquire', acquired, 'POST', body)).resourceId;
  }

  /** Starts to record a room as one film; the id of the recording. The token is for the recorder's uid and must outlive the lesson. */
  async start(options: {
    channel: string;
    recorderUid: number;
    resourceId: string;
    token: string;
    storage: RecordingStorage;
  }): Promise<string> {
    const { channel, recorderUid, resourceId, token, storage } = options;
    const clientRequest = {
      token,
      recordingConfig: {
        channelType: 0,
        streamTypes: 2,
        maxIdleTime: 300,
        transcodingConfig: { width: 1280, height: 720, fps: 15, bitrate: 1130, mixedVideoLayout: 1 },
      },
      recordingFileConfig: { avFileType: ['hls', 'mp4'] },
      storageConfig: { vendor: 1, ...storage, extensionParams: { sse: 'aes256' } },
    };
    const body = { cname: channel, uid: String(recorderUid), clientRequest };
    return (await this.recording(`resourceid/${resourceId}/mode/mix/start`, started, 'POST', body)).sid;
  }

  /** Agora's number for the state of a recording (4 and 5: it records); undefined when it has ended. */
  async query(resourceId: string, sid: string): Promise<number | undefined> {
    return this.unlessGone(
      async () => (await this.recording(`resourceid/${resourceId}/sid/${sid}/mode/mix/query`, queried, 'GET')).serverResponse.status,
    );
  }

  /** Ends a recording. Its files are there when the notice `uploaded` says so, not now. Ending one that has ended does nothing. */
  async stop(options: { channel: string; recorderUid: number; resourceId: string; sid: string }): Promise<void> {
    const { channel, recorderUid, resourceId, sid } = options;
    const body = { cname: channel, uid: String(recorderUid), clientRequest: {} };
    await this.unlessGone(() => this.recording(`resourceid/${resourceId}/sid/${sid}/mode/mix/stop`, stopped, 'POST', body));
  }

  /** Sends somebody out of a room; their token still lets them in again. */
  async sendOut(channel: string, uid: number): Promise<void> {
    const rule = { appid: this.options.appId, cname: channel, uid, time: 0, privileges: ['join_channel'] };
    await this.call(`${this.options.restUrl ?? ROOMS}/dev/v1/kicking-rule`, z.looseObject({}), 'POST', rule);
  }

  /** The uids in a room now. */
  async present(channel: string): Promise<number[]> {
    const address = `${this.options.restUrl ?? ROOMS}/dev/v1/channel/user/${this.options.appId}/${encodeURIComponent(channel)}`;
    return (await this.call(address, users, 'GET')).data.users ?? [];
  }

  private recording<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    method: 'GET' | 'POST',
    body?: object,
  ): Promise<z.output<Schema>> {
    const base = this.options.restUrl ?? RECORDING;
    return this.call(`${base}/v1/apps/${this.options.appId}/cloud_recording/${path}`, schema, method, body);
  }

  private async unlessGone<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof UpstreamRefused && error.status === 404) return undefined;
      throw error;
    }
  }

  private async call<Schema extends z.ZodType>(
    address: string,
    schema: Schema,
    method: 'GET' | 'POST',
    body?: object,
  ): Promise<z.output<Schema>> {
    const { id, secret } = this.options.customer;
    const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(this.options.timeoutMs ?? 10_000);
    let status: number;
    let answer: unknown;
    try {
      const response = await fetch(address, { method, headers, signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      status = response.status;
      answer = await response.json();
    } catch (error) {
      const unsent = neverSent(error);
      throw new UpstreamUnsure('agora', unsent ?? 'no_answer', unsent !== undefined, { cause: error });
    }
    if (status === 429) throw new UpstreamUnsure('agora', '429', true);
    if (status >= 500) throw new UpstreamUnsure('agora', String(status), false);
    if (status >= 400) {
      const told = z.looseObject({ code: z.union([z.number(), z.string()]) }).safeParse(answer);
      throw new UpstreamRefused('agora', told.success ? String(told.data.code) : String(status), status);
    }
    return schema.parse(answer);
  }
}

/** Whether a notification bears the signature (`Agora-Signature-V2`) of its body. */
export function isAgoraNotification(rawBody: string | Buffer, signature: string, secret: string): boolean {
  const wanted = createHmac('sha256', secret).update(rawBody).digest('hex');
  return signature.length === wanted.length && timingSafeEqual(Buffer.from(signature), Buffer.from(wanted));
}
