import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { accountErased } from '#domain/identity/user-account.messages.ts';
import type { Actor } from '#domain/kernel/command.ts';
import { event } from '#domain/kernel/event.ts';
import { GatewayScene, ScenePeers } from './gateway-scene.ts';

let peers: ScenePeers;
let scene: GatewayScene;
let mia: Actor;
let okafor: Actor;

beforeAll(async () => {
  peers = await ScenePeers.start();
});
afterAll(() => peers.stop());
beforeEach(async () => {
  scene = await GatewayScene.open(peers);
  ({ mia, okafor } = scene);
});
afterEach(async () => {
  await scene.close();
  expect(scene.errors).toEqual([]);
});

/** The status with which a socket is refused. */
const statusOf = (url: string) =>
  new Promise<number>((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('open', () => reject(new Error('it opened')));
    socket.on('error', () => undefined);
  });

describe('The WebSocket', () => {
  it('opens with a ticket once', async () => {
    const { ticket } = await scene.tickets.issue(mia);
    const { welcome } = await scene.enter(ticket);
    expect(welcome.data).toMatchObject({ userId: mia.userId, pingEverySeconds: 30 });
    expect(await statusOf(scene.address(ticket))).toBe(401);
    expect(await statusOf(scene.address('made-up'))).toBe(401);
    expect(await statusOf(scene.address('made-up').replace('/ws', '/other'))).toBe(404);
  });

  it('refuses a ticket that is too old', async () => {
    const { ticket } = await scene.tickets.issue(mia);
    await scene.database.execute(`update engine.tickets set expires_at = now() - interval '1 second'`);
    expect(await statusOf(scene.address(ticket))).toBe(401);
  });

  it('brings people the frames of events, with ids that grow', async () => {
    const { client: socket } = await scene.connect(mia);
    await scene.post('one');
    await scene.post('two');
    const [one, two] = [await socket.next('channel:message-posted'), await socket.next('channel:message-posted')];
    expect([one.data['text'], two.data['text']]).toEqual(['one', 'two']);
    expect(BigInt(two.id!.split('-')[0]!)).toBeGreaterThan(BigInt(one.id!.split('-')[0]!));
  });

  it('brings who comes back what was missed, in order and once, before what is new', async () => {
    const { client: first } = await scene.connect(mia);
    await scene.post('seen');
    const seen = await first.next('channel:message-posted');
    await first.leave();
    for (const text of ['missed 1', 'missed 2', 'missed 3']) await scene.post(text);
    const { client: second } = await scene.connect(mia, seen.id!);
    await second.next('resumed');
    await scene.post('new');
    for (let frame = await second.next('channel:message-posted'); frame.data['text'] !== 'new';)
      frame = await second.next('channel:message-posted');
    const texts = second.frames.filter(({ type }) => type === 'channel:message-posted').map(({ data }) => data['text']);
    expect(texts).toEqual(['missed 1', 'missed 2', 'missed 3', 'new']);
  });

  it('brings what came between welcome and the loss of a connection that had seen nothing', async () => {
    const { client: first, welcome } = await scene.connect(mia);
    await first.leave();
    const { client: other } = await scene.connect(okafor);
    await scene.post('while away');
    // Frames are stored before they are told: what he has heard, she can be sent again.
    await other.next('channel:message-posted');
    const { client: second } = await scene.connect(mia);
    second.send('resume', { lastId: welcome.data['lastId'] });
    expect((await second.next('channel:message-posted')).data).toMatchObject({ text: 'while away' });
    expect((await second.next('resumed')).data).toMatchObject({ ref: 'r', count: 1 });
  });

  it('says so when too much was missed', async () => {
    const { client: first } = await scene.connect(mia);
    await scene.post('seen');
    const seen = await first.next('channel:message-posted');
    await scene.post('lost');
    await first.next('channel:message-posted');
    await scene.database.execute(`update engine.frames set stored_at = now() - interval '25 hours'`);
    await scene.store.trim();
    const { client: second } = await scene.connect(mia, seen.id!);
    expect((await second.next('resync')).data['minPosition']).toMatch(/^\d+$/);
    await scene.post('after');
    expect((await second.next('channel:message-posted')).data).toMatchObject({ text: 'after' });
  });

  it('keeps the newest thousand frames of a person', async () => {
    const frames = Array.from({ length: 1_005 }, (_, n) => ({
      recipient: mia.userId!,
      id: { position: BigInt(n), index: 0 },
      type: 't',
      data: {},
      at: scene.clock.now(),
    }));
    await scene.engine.stop();
    const token = 1_000;
    await scene.store.claim(token);
    await scene.store.append(frames, 10_000_000n, token);
    await scene.store.trim();
    expect(await scene.store.missed(mia.userId!, { position: 3n, index: 0 })).toEqual({ kind: 'too_late' });
    const kept = await scene.store.missed(mia.userId!, { position: 4n, index: 0 });
    expect(kept).toMatchObject({ kind: 'frames', frames: { length: 1_000 } });
  });

  it('forgets what an erased person wrote, and nothing else', async () => {
    const texts = async (userId: string) => {
      const missed = await scene.store.missed(userId, { position: 0n, index: 0 });
      return missed.kind === 'frames' ? missed.frames.map(({ data }) => data['text']) : [];
    };
    const { client: socket } = await scene.connect(mia);
    await scene.post('from Okafor');
    await scene.post('from Mia', mia);
    await socket.next('channel:message-posted');
    await socket.next('channel:message-posted');
    expect(await texts(okafor.userId!)).toEqual(['from Okafor', 'from Mia']);
    await scene.happened('UserAccount', mia.userId!, event(accountErased, { userId: mia.userId!, emailHash: '0'.repeat(64) }));
    const { position } = await scene.post('behind it');
    await socket.next('channel:message-posted');
    expect(await scene.store.position()).toBe(BigInt(position));
    expect(await texts(okafor.userId!)).toEqual(['from Okafor', 'behind it']);
    expect(await texts(mia.userId!)).toEqual(['behind it']);
  });

  describe('closes on', () => {
    it('what is no frame', async () => {
      const { client: socket } = await scene.connect(mia);
      socket.socket.send('hello');
      expect(await socket.closed).toBe(4005);
    });
    it('a frame too long', async () => {
      const { client: socket } = await scene.connect(mia);
      socket.socket.send('x'.repeat(30_000));
      expect(await socket.closed).toBe(1009);
    });
    it('too many frames', async () => {
      const { client: socket } = await scene.connect(mia);
      for (let n = 0; n < 100; n += 1) socket.send('ping', {});
      expect(await socket.closed).toBe(4003);
    });
    it('the oldest of too many connections of one person', async () => {
      const { client: oldest } = await scene.connect(mia);
      for (let n = 0; n < 8; n += 1) await scene.connect(mia);
      expect(await oldest.closed).toBe(4004);
    });
    it('a client that does not read', async () => {
      const { client: socket } = await scene.connect(mia);
      socket.socket.pause();
      const text = 'x'.repeat(4_000);
      const fanOutMany = async () => {
        for (let n = 0; n < 60 && scene.openSockets > 0; n += 1) await scene.post(text);
      };
      const frames = Array.from({ length: 900 }, (_, n) => ({
        recipient: mia.userId!,
        id: { position: 10_000_000n + BigInt(n), index: 0 },
        type: 't',
        data: { text: 'x'.repeat(30_000) },
        at: scene.clock.now(),
      }));
      await scene.engine.stop();
      await scene.store.claim(1_000);
      await scene.store.append(frames, 20_000_000n, 1_000);
      socket.send('resume', { lastId: '0' });
      await fanOutMany();
      socket.socket.resume();
      expect([4002, 1006]).toContain(await socket.closed);
    });
    it('the end of a session', async () => {
      await scene.serve({ pingEvery: 30_000, session: 20, patience: 50 });
      const { client: socket } = await scene.connect(mia);
      expect(await socket.closed).toBe(4001);
    });
  });
});
