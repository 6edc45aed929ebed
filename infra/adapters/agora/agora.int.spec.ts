import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '#infra/embedded/loopback.ts';
import { serveAgora } from '#infra/embedded/agora/serve.ts';
import { readRtcToken } from '#infra/embedded/agora/token.ts';
import { awsUnderTest } from '#infra/embedded/aws/harness.ts';
import type { AwsUnderTest } from '#infra/embedded/aws/harness.ts';
import type { RunningStandIn } from '#infra/embedded/http/server.ts';
import { startReceiver } from '#infra/embedded/http/webhook-receiver.ts';
import { FileStore } from '../s3/file-store.ts';
import { AgoraRooms, isAgoraNotification } from './rooms.ts';
import { AgoraTokens } from './tokens.ts';

const project = { appId: 'a'.repeat(32), appCertificate: 'b'.repeat(32) };
const customer = { id: 'customer', secret: 'customer-secret' };
const CHANNEL = 'lesson-0190a0a0-0000-7000-8000-000000000000';
const RECORDER = 900_000_001;

let dir: string;
let aws: AwsUnderTest;
let agora: RunningStandIn;
let restUrl: string;
let rooms: AgoraRooms;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
const tokens = new AgoraTokens(project);

const control = (method: string, path: string, body: object) =>
  fetch(`${restUrl}/_control/${path}`, { method, headers: { authorization: `Bearer ${customer.secret}` }, body: JSON.stringify(body) });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'agora-spec-'));
  aws = await awsUnderTest();
  receiver = await startReceiver();
  agora = await serveAgora({
    dir,
    port: 0,
    ...project,
    customerId: customer.id,
    customerSecret: customer.secret,
    webhookSecret: 'notices',
    storageEndpoint: () => aws.endpoints.s3,
  });
  restUrl = `http://127.0.0.1:${agora.port}`;
  rooms = new AgoraRooms({ appId: project.appId, customer, restUrl });
  await control('PUT', 'webhooks', { url: receiver.url });
});
afterAll(async () => {
  await agora.stop();
  await receiver.stop();
  await aws.stop();
  rmSync(dir, { recursive: true });
});

describe('tokens', () => {
  it('are for one room, one user and a time that ends', () => {
    const before = Math.floor(Date.now() / 1000);
    const read = readRtcToken(tokens.rtcToken({ channel: CHANNEL, uid: 7, seconds: 3600 }), project.appCertificate);
    expect(read).toMatchObject({ appId: project.appId, channel: CHANNEL, uid: '7' });
    expect((read?.expires ?? 0) - before).toBeGreaterThanOrEqual(3599);
    expect(tokens.rtmToken('user-1', 3600)).toMatch(/^007/);
  });

  it('live a day at most', () => {
    const read = readRtcToken(tokens.rtcToken({ channel: CHANNEL, uid: 7, seconds: 10 ** 7 }), project.appCertificate);
    expect((read?.expires ?? 0) - Math.floor(Date.now() / 1000)).toBeLessThanOrEqual(24 * 3600);
  });

  it.each([
    ['uid 0, which would let anybody in', { channel: CHANNEL, uid: 0, seconds: 60 }],
    ['a uid that is too large', { channel: CHANNEL, uid: 2 ** 32, seconds: 60 }],
    ['a channel of 64 bytes', { channel: 'x'.repeat(64), uid: 1, seconds: 60 }],
    ['no time', { channel: CHANNEL, uid: 1, seconds: 0 }],
  ])('are not minted for %s', (_what, options) => {
    expect(() => tokens.rtcToken(options)).toThrow(RangeError);
  });

  it('are refused at once to a project whose ids are malformed', () => {
    expect(() => new AgoraTokens({ appId: 'short', appCertificate: project.appCertificate })).toThrow('32 hexadecimal digits');
  });
});

describe('recording', () => {
  const storage = () => ({
    region: 7,
    bucket: aws.bucket,
    accessKey: aws.credentials.accessKeyId,
    secretKey: aws.credentials.secretAccessKey,
    fileNamePrefix: ['recordings', '0190a0a0'],
  });
  const token = () => tokens.rtcToken({ channel: CHANNEL, uid: RECORDER, seconds: 3600 });

  it('starts once, is asked for, and ends with its files in the bucket and a notice', async () => {
    const resourceId = await rooms.acquire(CHANNEL, RECORDER);
    const order = { channel: CHANNEL, recorderUid: RECORDER, resourceId, token: token(), storage: storage() };
    const sid = await rooms.start(order);
    expect(await rooms.start(order)).toBe(sid);
    expect(await rooms.query(resourceId, sid)).toBe(5);
    await rooms.stop({ ...order, sid });
    await rooms.stop({ ...order, sid });
    expect(await rooms.query(resourceId, sid)).toBeUndefined();
    const files = new FileStore({ region: aws.region, credentials: aws.credentials, endpoint: aws.endpoints.s3, bucket: aws.bucket });
    expect(await files.list('recordings/0190a0a0/')).toEqual([
      `recordings/0190a0a0/${sid}_${CHANNEL}.m3u8`,
      `recordings/0190a0a0/${sid}_${CHANNEL}_0.mp4`,
    ]);
    files.close();
    await receiver.count(2);
    const uploaded = receiver.received.find(({ body }) => (JSON.parse(body) as { eventType: number }).eventType === 31);
    expect(isAgoraNotification(uploaded?.body ?? '', String(uploaded?.headers['agora-signature-v2']), 'notices')).toBe(true);
    expect(isAgoraNotification(`${uploaded?.body} `, String(uploaded?.headers['agora-signature-v2']), 'notices')).toBe(false);
    expect(JSON.parse(uploaded?.body ?? '')).toMatchObject({ productId: 3, payload: { sid, cname: CHANNEL } });
  });

  it.each([
    ['a prefix with a hyphen', () => ({ storage: { ...storage(), fileNamePrefix: ['lesson-files'] } })],
    ['the token of another user', () => ({ token: tokens.rtcToken({ channel: CHANNEL, uid: 1, seconds: 60 }) })],
    [
      'a forged token',
      () => ({
        token: new AgoraTokens({ ...project, appCertificate: 'c'.repeat(32) }).rtcToken({ channel: CHANNEL, uid: RECORDER, seconds: 60 }),
      }),
    ],
  ])('is refused with %s', async (_what, change) => {
    const resourceId = await rooms.acquire(CHANNEL, RECORDER);
    const order = { channel: CHANNEL, recorderUid: RECORDER, resourceId, token: token(), storage: storage(), ...change() };
    await expect(rooms.start(order)).rejects.toMatchObject({ name: 'UpstreamRefused', upstream: 'agora', code: '2' });
  });

  it('is refused to strangers, and unsure when nobody listens', async () => {
    const stranger = new AgoraRooms({ appId: project.appId, customer: { id: 'x', secret: 'y' }, restUrl });
    await expect(stranger.acquire(CHANNEL, RECORDER)).rejects.toMatchObject({ name: 'UpstreamRefused', status: 401 });
    const nobody = new AgoraRooms({ appId: project.appId, customer, restUrl: `http://127.0.0.1:${await freePort()}` });
    await expect(nobody.acquire(CHANNEL, RECORDER)).rejects.toMatchObject({ name: 'UpstreamUnsure', certainlyNot: true });
  });
});

describe('rooms', () => {
  it('tell who is in, notify of each step, and can be left by force', async () => {
    const from = receiver.received.length;
    for (const uid of [11, 12]) await control('POST', 'presence', { channel: CHANNEL, uid, event: 'join' });
    expect(await rooms.present(CHANNEL)).toEqual([11, 12]);
    await rooms.sendOut(CHANNEL, 11);
    expect(await rooms.present(CHANNEL)).toEqual([12]);
    expect(await rooms.present('empty')).toEqual([]);
    await receiver.count(from + 3);
    const notices = receiver.received
      .slice(from)
      .map(({ body }) => JSON.parse(body) as { eventType: number; payload: { uid: number; clientSeq: number } });
    const inOrder = notices.sort((one, other) => one.payload.clientSeq - other.payload.clientSeq);
    expect(inOrder.map(({ eventType, payload }) => [eventType, payload.uid])).toEqual([
      [103, 11],
      [103, 12],
      [104, 11],
    ]);
  });
});
