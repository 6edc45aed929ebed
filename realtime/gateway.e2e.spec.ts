import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { v7 as newId } from 'uuid';
import { WebSocket } from 'ws';
import { command, SYSTEM, type Actor, type CommandMessage } from '#domain/kernel/command.ts';
import type { Notices } from '#domain/kernel/consumer.ts';
import { provideFacts } from '#domain/kernel/facts.ts';
import { pairId, streamOf } from '#domain/kernel/ids.ts';
import { MINUTE, plus } from '#domain/kernel/time.ts';
import { accountErased } from '#domain/identity/user-account.messages.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { provisionVideoRoom, videoSession, type VideoSessionEvent } from '#domain/lessons/video-session.ts';
import { chatChannel, createChatChannel, postChatMessage, type ChatChannelEvent } from '#domain/matching/chat-channel.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import type { CommandSender } from '#infra/cqrs/commands.ts';
import { launchEventStore, type LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { InProcessFanOut } from '#infra/fan-out/fan-out.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { feedsFrom } from '#infra/subscriptions/open-feed.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { FrameStore } from './frame-store.ts';
import { Gateway } from './gateway.ts';
import { NoticeEngine } from './notice-engine.ts';

type SpecEvents = { [E in ChatChannelEvent | VideoSessionEvent as E['type']]: E };

const specNotices: Notices<SpecEvents> = {
  name: 'spec',
  context: 'matching',
  on: {
    ChatMessagePosted: ({ data: { members, senderId, text } }) => ({
      type: 'channel:message-posted',
      to: Object.values(members),
      data: { text, senderId },
    }),
    ParticipantJoined: ({ data: { userId } }) => ({ type: 'lesson:participant-joined', to: [userId], data: { userId } }),
    ParticipantLeft: ({ data: { userId } }) => ({ type: 'lesson:participant-left', to: [userId], data: { userId } }),
  },
};

const facts = [
  provideFacts(createChatChannel, chatChannel, { reads: () => ({}), facts: () => ({ matchActive: true }) }),
  provideFacts(provisionVideoRoom, videoSession, { reads: () => ({}), facts: () => ({ lessonLive: true }) }),
];

interface Frame {
  readonly id: string | null;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** A client that keeps what it is sent and can wait for the next frame of a type. */
class Client {
  readonly frames: Frame[] = [];
  readonly closed: Promise<number>;
  #read = 0;
  #heard: () => void = () => undefined;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.#heard();
    });
    this.closed = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
  }

  /** The next frame of this type that has not been asked for yet; those in between are passed over. */
  async next(type: string): Promise<Frame> {
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++]!;
        if (frame.type === type) return frame;
      }
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }

  send(type: string, data: object, ref = 'r'): void {
    this.socket.send(JSON.stringify({ type, ref, data }));
  }

  async leave(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

describe('The WebSocket', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gateway-'));
  const clock = new SystemClock();
  // The log outlives each spec, and so must the keys of what is in it.
  const vault = new InMemoryVault();
  let eventStore: LaunchedEventStore;
  let postgres: DisposableServer;
  let database: Database;
  let client: EventStoreClient;
  let codec: Codec;
  let aggregates: Aggregates;
  let commands: CommandSender;
  let server: Server;
  let gateway: Gateway;
  let engine: NoticeEngine;
  let tickets: Tickets;
  let store: FrameStore;
  let mia: Actor;
  let okafor: Actor;
  let channelId: string;
  const clients: Client[] = [];
  const errors: unknown[] = [];

  const send = (message: CommandMessage, by: Actor = SYSTEM) => {
    const commandId = newId();
    return commands.send(message, { commandId, correlationId: commandId, causationId: commandId, source: 'spec', by });
  };
  const post = (text: string, by = okafor) => send(command(postChatMessage, { channelId, clientMessageId: newId(), text }), by);
  /** The event alone, straight into the log: what leads to it is another story. */
  const erase = async (userId: string) => {
    const id = newId();
    const who = { aggregateType: 'UserAccount', aggregateId: userId };
    const cause = { commandId: id, commandType: 'Spec', correlationId: id, causationId: id, source: 'spec', role: 'system' };
    const erased = { type: accountErased.type, data: { userId, emailHash: '0'.repeat(64) } };
    const { stored } = await codec.encode(id, erased, { eventVersion: '1.0', timestamp: clock.now(), ...who, ...cause });
    await client.append(streamOf('UserAccount', userId), [stored], 'any');
  };
  const address = (ticket: string, lastId?: string) =>
    `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws?ticket=${ticket}${lastId === undefined ? '' : `&lastId=${lastId}`}`;
  const connect = async (actor: Actor, lastId?: string) => {
    const { ticket } = await tickets.issue(actor);
    const connected = new Client(new WebSocket(address(ticket, lastId)));
    clients.push(connected);
    return { client: connected, welcome: await connected.next('welcome') };
  };
  const statusOf = (url: string) =>
    new Promise<number>((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('open', () => reject(new Error('it opened')));
      socket.on('error', () => undefined);
    });

  beforeAll(async () => {
    eventStore = await launchEventStore({ dir });
    postgres = await disposableServer();
  });
  afterAll(async () => {
    await eventStore.stop();
    await postgres.dispose();
    rmSync(dir, { recursive: true });
  });

  beforeEach(async () => {
    ({ database } = await postgres.create());
    client = new EventStoreClient({ connectionString: eventStore.connectionString });
    const deciders = [chatChannel, videoSession, userAccount] as never;
    codec = new Codec({ deciders, vault });
    aggregates = new Aggregates({ deciders, factProviders: facts, client, codec, vault, clock });
    commands = { send: (message, context) => aggregates.execute(message, context) };
    tickets = new Tickets(database);
    store = new FrameStore(database);
    const fanOut = new InProcessFanOut();
    const openFeed = feedsFrom({ client, codec, onTrouble: (error) => errors.push(error) });
    engine = new NoticeEngine({
      notices: [specNotices as Notices],
      store,
      openFeed,
      fanOut,
      clock,
      onError: (error) => errors.push(error),
      leadership: { database },
    });
    engine.start();
    gateway = new Gateway({
      tickets,
      store,
      fanOut,
      commands,
      aggregates,
      clock,
      log: pino({ level: 'silent' }),
      times: { pingEvery: 30_000, session: 3_600_000, patience: 50 },
    });
    server = createServer();
    gateway.attach(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mia = { role: 'student', userId: newId() };
    okafor = { role: 'tutor', userId: newId() };
    channelId = newId();
    const members = { studentId: mia.userId!, tutorId: okafor.userId! };
    await send(command(createChatChannel, { channelId, matchId: pairId(members.studentId, members.tutorId), members }));
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((connected) => connected.leave()));
    await gateway.close();
    await new Promise((resolve) => server.close(resolve));
    await engine.stop();
    await client.close();
    expect(errors.splice(0)).toEqual([]);
  });

  it('opens with a ticket once', async () => {
    const { ticket } = await tickets.issue(mia);
    const first = new Client(new WebSocket(address(ticket)));
    clients.push(first);
    expect((await first.next('welcome')).data).toMatchObject({ userId: mia.userId, pingEverySeconds: 30 });
    expect(await statusOf(address(ticket))).toBe(401);
    expect(await statusOf(address('made-up'))).toBe(401);
    expect(await statusOf(address('made-up').replace('/ws', '/other'))).toBe(404);
  });

  it('refuses a ticket that is too old', async () => {
    const { ticket } = await tickets.issue(mia);
    await database.execute(`update engine.tickets set expires_at = now() - interval '1 second'`);
    expect(await statusOf(address(ticket))).toBe(401);
  });

  it('brings people the frames of events, with ids that grow', async () => {
    const { client: socket } = await connect(mia);
    await post('one');
    await post('two');
    const [one, two] = [await socket.next('channel:message-posted'), await socket.next('channel:message-posted')];
    expect([one.data['text'], two.data['text']]).toEqual(['one', 'two']);
    expect(BigInt(two.id!.split('-')[0]!)).toBeGreaterThan(BigInt(one.id!.split('-')[0]!));
  });

  it('brings who comes back what was missed, in order and once, before what is new', async () => {
    const { client: first } = await connect(mia);
    await post('seen');
    const seen = await first.next('channel:message-posted');
    await first.leave();
    for (const text of ['missed 1', 'missed 2', 'missed 3']) await post(text);
    const { client: second } = await connect(mia, seen.id!);
    await second.next('resumed');
    await post('new');
    for (let frame = await second.next('channel:message-posted'); frame.data['text'] !== 'new';)
      frame = await second.next('channel:message-posted');
    const texts = second.frames.filter(({ type }) => type === 'channel:message-posted').map(({ data }) => data['text']);
    expect(texts).toEqual(['missed 1', 'missed 2', 'missed 3', 'new']);
  });

  it('brings what came between welcome and the loss of a connection that had seen nothing', async () => {
    const { client: first, welcome } = await connect(mia);
    await first.leave();
    const { client: other } = await connect(okafor);
    await post('while away');
    // Frames are stored before they are told: what he has heard, she can be sent again.
    await other.next('channel:message-posted');
    const { client: second } = await connect(mia);
    second.send('resume', { lastId: welcome.data['lastId'] });
    expect((await second.next('channel:message-posted')).data).toMatchObject({ text: 'while away' });
    expect((await second.next('resumed')).data).toMatchObject({ ref: 'r', count: 1 });
  });

  it('says so when too much was missed', async () => {
    const { client: first } = await connect(mia);
    await post('seen');
    const seen = await first.next('channel:message-posted');
    await post('lost');
    await first.next('channel:message-posted');
    await database.execute(`update engine.frames set stored_at = now() - interval '25 hours'`);
    await store.trim();
    const { client: second } = await connect(mia, seen.id!);
    expect((await second.next('resync')).data['minPosition']).toMatch(/^\d+$/);
    await post('after');
    expect((await second.next('channel:message-posted')).data).toMatchObject({ text: 'after' });
  });

  it('keeps the newest thousand frames of a person', async () => {
    const frames = Array.from({ length: 1_005 }, (_, n) => ({
      recipient: mia.userId!,
      id: { position: BigInt(n), index: 0 },
      type: 't',
      data: {},
      at: clock.now(),
    }));
    await engine.stop();
    const token = 1_000;
    await store.claim(token);
    await store.append(frames, 10_000_000n, token);
    await store.trim();
    expect(await store.missed(mia.userId!, { position: 3n, index: 0 })).toEqual({ kind: 'too_late' });
    const kept = await store.missed(mia.userId!, { position: 4n, index: 0 });
    expect(kept).toMatchObject({ kind: 'frames', frames: { length: 1_000 } });
  });

  it('forgets what an erased person wrote, and nothing else', async () => {
    const texts = async (userId: string) => {
      const missed = await store.missed(userId, { position: 0n, index: 0 });
      return missed.kind === 'frames' ? missed.frames.map(({ data }) => data['text']) : [];
    };
    const { client: socket } = await connect(mia);
    await post('from Okafor');
    await post('from Mia', mia);
    await socket.next('channel:message-posted');
    await socket.next('channel:message-posted');
    expect(await texts(okafor.userId!)).toEqual(['from Okafor', 'from Mia']);
    await erase(mia.userId!);
    const { position } = await post('behind it');
    await socket.next('channel:message-posted');
    expect(await store.position()).toBe(BigInt(position));
    expect(await texts(okafor.userId!)).toEqual(['from Okafor', 'behind it']);
    expect(await texts(mia.userId!)).toEqual(['behind it']);
  });

  it('takes a message once it is in the log, and the same one again as the same', async () => {
    const [{ client: sender }, { client: receiver }] = [await connect(mia), await connect(okafor)];
    const message = { channelId, clientMessageId: 'm-1', text: 'Hello!' };
    sender.send('channel:message', message, 'a');
    const done = await sender.next('done');
    expect(done.data).toMatchObject({ ref: 'a', id: channelId, revision: 1 });
    sender.send('channel:message', message, 'b');
    expect((await sender.next('done')).data).toEqual({ ...done.data, ref: 'b' });
    expect((await receiver.next('channel:message-posted')).data).toMatchObject({ text: 'Hello!' });
    expect(await aggregates.history('ChatChannel', channelId)).toHaveLength(2);
  });

  it('refuses by the code that HTTP has, and goes on', async () => {
    const { client: socket } = await connect({ role: 'student', userId: newId() });
    socket.send('channel:message', { channelId, clientMessageId: 'm', text: 'Hi' }, 'x');
    expect((await socket.next('refused')).data).toMatchObject({ ref: 'x', problem: { code: 'not_a_channel_member', status: 403 } });
    socket.send('subscribe', { room: 'channel', id: newId() });
    expect((await socket.next('refused')).data).toMatchObject({ problem: { code: 'chat_channel_not_found', status: 404 } });
    socket.send('channel:message', { channelId, text: 7 });
    expect((await socket.next('refused')).data).toMatchObject({ problem: { code: 'validation_failed' } });
    socket.send('ping', {});
    expect((await socket.next('pong')).data).toEqual({ ref: 'r' });
  });

  it('tells a room who types, but for the one who does', async () => {
    const [{ client: typist }, { client: reader }] = [await connect(mia), await connect(okafor)];
    for (const socket of [typist, reader]) {
      socket.send('subscribe', { room: 'channel', id: channelId });
      await socket.next('done');
    }
    typist.send('typing', { room: 'channel', id: channelId });
    expect(await reader.next('typing')).toMatchObject({ id: null, data: { room: 'channel', id: channelId, userId: mia.userId } });
    typist.send('ping', {});
    await typist.next('pong');
    expect(typist.frames.map(({ type }) => type)).not.toContain('typing');
  });

  describe('in a lesson', () => {
    let lessonId: string;
    const provision = (from: number) => {
      const startsAt = plus(clock.now(), from);
      const data = { lessonId, studentId: mia.userId!, tutorId: okafor.userId!, startsAt, endsAt: plus(startsAt, 60 * MINUTE) };
      return send(command(provisionVideoRoom, data));
    };
    const log = async () => (await aggregates.history('VideoSession', lessonId)).map(({ type }) => type);
    beforeEach(() => {
      lessonId = newId();
    });

    it('lets the two come in, and leave when their connection is lost for good', async () => {
      await provision(5 * MINUTE);
      const [{ client: student }, { client: tutor }] = [await connect(mia), await connect(okafor)];
      student.send('lesson:join', { lessonId });
      await student.next('done');
      tutor.send('lesson:join', { lessonId });
      await tutor.next('done');
      expect(await log()).toEqual(['VideoRoomCreated', 'ParticipantJoined', 'ParticipantJoined', 'BothParticipantsJoined']);
      const { client: other } = await connect(okafor);
      await tutor.leave();
      await other.next('lesson:participant-left');
      expect((await log()).at(-1)).toBe('ParticipantLeft');
      student.send('lesson:leave', { lessonId });
      await student.next('lesson:participant-left');
    });

    it('takes a connection made again in time for no leaving', async () => {
      await provision(0);
      const { client: first } = await connect(mia);
      first.send('lesson:join', { lessonId });
      await first.next('done');
      const { client: second } = await connect(mia);
      second.send('lesson:join', { lessonId });
      await second.next('done');
      await first.leave();
      second.send('lesson:leave', { lessonId });
      await second.next('done');
      expect(await log()).toEqual(['VideoRoomCreated', 'ParticipantJoined', 'ParticipantLeft']);
    });

    it('lets nobody in outside its hours, and no stranger ever', async () => {
      await provision(60 * MINUTE);
      const { client: student } = await connect(mia);
      student.send('lesson:join', { lessonId });
      expect((await student.next('refused')).data).toMatchObject({ problem: { code: 'video_room_not_open' } });
      const { client: stranger } = await connect({ role: 'tutor', userId: newId() });
      stranger.send('lesson:join', { lessonId });
      expect((await stranger.next('refused')).data).toMatchObject({ problem: { code: 'not_a_participant' } });
    });
  });

  describe('closes on', () => {
    it('what is no frame', async () => {
      const { client: socket } = await connect(mia);
      socket.socket.send('hello');
      expect(await socket.closed).toBe(4005);
    });
    it('a frame too long', async () => {
      const { client: socket } = await connect(mia);
      socket.socket.send('x'.repeat(30_000));
      expect(await socket.closed).toBe(1009);
    });
    it('too many frames', async () => {
      const { client: socket } = await connect(mia);
      for (let n = 0; n < 100; n += 1) socket.send('ping', {});
      expect(await socket.closed).toBe(4003);
    });
    it('the oldest of too many connections of one person', async () => {
      const { client: oldest } = await connect(mia);
      for (let n = 0; n < 8; n += 1) await connect(mia);
      expect(await oldest.closed).toBe(4004);
    });
    it('a client that does not read', async () => {
      const { client: socket } = await connect(mia);
      socket.socket.pause();
      const text = 'x'.repeat(4_000);
      const fanOutMany = async () => {
        for (let n = 0; n < 60 && gateway.open > 0; n += 1) await post(text);
      };
      const frames = Array.from({ length: 900 }, (_, n) => ({
        recipient: mia.userId!,
        id: { position: 10_000_000n + BigInt(n), index: 0 },
        type: 't',
        data: { text: 'x'.repeat(30_000) },
        at: clock.now(),
      }));
      await engine.stop();
      await store.claim(1_000);
      await store.append(frames, 20_000_000n, 1_000);
      socket.send('resume', { lastId: '0' });
      await fanOutMany();
      socket.socket.resume();
      expect([4002, 1006]).toContain(await socket.closed);
    });
    it('the end of a session', async () => {
      await gateway.close();
      await new Promise((resolve) => server.close(resolve));
      gateway = new Gateway({
        tickets,
        store,
        fanOut: new InProcessFanOut(),
        commands,
        aggregates,
        clock,
        log: pino({ level: 'silent' }),
        times: { pingEvery: 30_000, session: 20, patience: 50 },
      });
      server = createServer();
      gateway.attach(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { client: socket } = await connect(mia);
      expect(await socket.closed).toBe(4001);
    });
  });
});
