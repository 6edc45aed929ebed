import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { command, type Actor } from '#domain/kernel/command.ts';
import { MINUTE, plus } from '#domain/kernel/time.ts';
import { provisionVideoRoom } from '#domain/lessons/video-session.ts';
import { GatewayScene, ScenePeers } from './gateway-scene.ts';

let peers: ScenePeers;
let scene: GatewayScene;
let mia: Actor;
let okafor: Actor;
let channelId: string;

beforeAll(async () => {
  peers = await ScenePeers.start();
});
afterAll(() => peers.stop());
beforeEach(async () => {
  scene = await GatewayScene.open(peers);
  ({ mia, okafor, channelId } = scene);
});
afterEach(async () => {
  await scene.close();
  expect(scene.errors).toEqual([]);
});

describe('What clients send', () => {
  it('takes a message once it is in the log, and the same one again as the same', async () => {
    const [{ client: sender }, { client: receiver }] = [await scene.connect(mia), await scene.connect(okafor)];
    const message = { channelId, clientMessageId: 'm-1', text: 'Hello!' };
    sender.send('channel:message', message, 'a');
    const done = await sender.next('done');
    expect(done.data).toMatchObject({ ref: 'a', id: channelId, revision: 1 });
    sender.send('channel:message', message, 'b');
    expect((await sender.next('done')).data).toEqual({ ...done.data, ref: 'b' });
    expect((await receiver.next('channel:message-posted')).data).toMatchObject({ text: 'Hello!' });
    expect(await scene.aggregates.history('ChatChannel', channelId)).toHaveLength(2);
  });

  it('refuses by the code that HTTP has, and goes on', async () => {
    const { client: socket } = await scene.connect({ role: 'student', userId: newId() });
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
    const [{ client: typist }, { client: reader }] = [await scene.connect(mia), await scene.connect(okafor)];
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
      const startsAt = plus(scene.clock.now(), from);
      const data = { lessonId, studentId: mia.userId!, tutorId: okafor.userId!, startsAt, endsAt: plus(startsAt, 60 * MINUTE) };
      return scene.send(command(provisionVideoRoom, data));
    };
    const log = async () => (await scene.aggregates.history('VideoSession', lessonId)).map(({ type }) => type);
    beforeEach(() => {
      lessonId = newId();
    });

    it('lets the two come in, and leave when their connection is lost for good', async () => {
      await provision(5 * MINUTE);
      const [{ client: student }, { client: tutor }] = [await scene.connect(mia), await scene.connect(okafor)];
      student.send('lesson:join', { lessonId });
      await student.next('done');
      tutor.send('lesson:join', { lessonId });
      await tutor.next('done');
      expect(await log()).toEqual(['VideoRoomCreated', 'ParticipantJoined', 'ParticipantJoined', 'BothParticipantsJoined']);
      const { client: other } = await scene.connect(okafor);
      await tutor.leave();
      await other.next('lesson:participant-left');
      expect((await log()).at(-1)).toBe('ParticipantLeft');
      student.send('lesson:leave', { lessonId });
      await student.next('lesson:participant-left');
    });

    it('takes a connection made again in time for no leaving', async () => {
      await provision(0);
      const { client: first } = await scene.connect(mia);
      first.send('lesson:join', { lessonId });
      await first.next('done');
      const { client: second } = await scene.connect(mia);
      second.send('lesson:join', { lessonId });
      await second.next('done');
      await first.leave();
      second.send('lesson:leave', { lessonId });
      await second.next('done');
      expect(await log()).toEqual(['VideoRoomCreated', 'ParticipantJoined', 'ParticipantLeft']);
    });

    it('lets nobody in outside its hours, and no stranger ever', async () => {
      await provision(60 * MINUTE);
      const { client: student } = await scene.connect(mia);
      student.send('lesson:join', { lessonId });
      expect((await student.next('refused')).data).toMatchObject({ problem: { code: 'video_room_not_open' } });
      const { client: stranger } = await scene.connect({ role: 'tutor', userId: newId() });
      stranger.send('lesson:join', { lessonId });
      expect((await stranger.next('refused')).data).toMatchObject({ problem: { code: 'not_a_participant' } });
    });
  });
});
