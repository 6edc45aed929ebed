import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac, randomUUID } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { join, newPerson, type Person, type World } from '#app/demo/people.ts';
import { studentProfileCreated, studentReadyForPlatform } from '#domain/identity/student-profile.ts';
import { event } from '#domain/kernel/event.ts';
import { DAY, HOUR, millisecondsBetween, MINUTE, plus } from '#domain/kernel/time.ts';
import * as tutor from '#domain/tutoring/tutor-profile.messages.ts';
import { EmbeddedPlatform, refusal } from './embedded-platform.ts';

let platform: EmbeddedPlatform;
let world: World;
let mia: Person;
let okafor: Person;
let eve: Person;

beforeAll(async () => {
  platform = await EmbeddedPlatform.start();
  ({ world } = platform);
  mia = newPerson(world, 'Mia');
  okafor = newPerson(world, 'Okafor');
  eve = newPerson(world, 'Eve');
  await join(world, mia, 'student', 'Europe/Berlin');
  await join(world, eve, 'student', 'Europe/Berlin');
  await join(world, okafor, 'tutor', 'Europe/London');
  await becomesReady(mia.userId);
  await becomesReady(eve.userId);
  await becomesAvailable(okafor.userId);
}, 120_000);
afterAll(async () => {
  for (const person of [mia, okafor, eve]) person?.socket.close();
  await platform?.stop();
});

const becomesReady = (studentId: string) =>
  platform.happened(
    'StudentProfile',
    studentId,
    event(studentProfileCreated, {
      studentId,
      dateOfBirth: '2000-01-02',
      becomesAdultOn: '2018-01-02',
      ageBand: 'adult',
      timeZone: 'Europe/Berlin',
    }),
    event(studentReadyForPlatform, {
      studentId,
      profileComplete: true,
      parentConsentReceived: false,
      ageBand: 'adult',
      subjectsOfInterest: [],
    }),
  );
const maths = { subject: 'mathematics', level: 'gcse' };
function becomesAvailable(tutorId: string): Promise<string> {
  const card = { subjects: [maths], hourlyRateMinor: 4000, currency: 'gbp' as const, timeZone: 'Europe/London', languages: ['en'] };
  return platform.happened(
    'TutorProfile',
    tutorId,
    event(tutor.tutorProfileCreated, { tutorId, displayName: 'A tutor', headline: 'Patient maths teacher', bio: 'Twelve years.', ...card }),
    event(tutor.reviewRequested, { tutorId, round: 1, partial: false, subjects: [maths] }),
    event(tutor.tutorApproved, { tutorId, round: 1, partial: false, subjects: [maths] }),
    event(tutor.tutorAvailableForMatching, { tutorId, ...card }),
  );
}

const ask = (student: Person, tutorId = okafor.userId) => student.api.post<{ id: string }>('/connections/request', { tutorId, ...maths });
async function connect(student: Person): Promise<void> {
  const { id } = await ask(student);
  await okafor.api.post(`/connections/${id}/accept`);
  await student.api.until<true, { matches: { channelId: string | null }[] }>('/matches', ({ matches }) => matches[0]?.channelId != null);
}
const reaches = (student: Person, id: string, ...wanted: readonly string[]) =>
  student.api.until<string, { status: string }>(`/lessons/${id}/status`, ({ status }) => wanted.includes(status) && status);
const book = async (student: Person, startsAt: string) =>
  (await student.api.post<{ id: string }>('/lessons/book', { tutorId: okafor.userId, subject: 'mathematics', startsAt, minutes: 60 })).id;

/** What Agora would tell of a participant. */
async function agora(eventType: number, channelName: string, uid: number, signature?: string): Promise<number> {
  const body = JSON.stringify({ noticeId: randomUUID(), productId: 1, eventType, payload: { channelName, uid, clientSeq: Date.now() } });
  const secret = platform.foundation.config.agora.webhookSecret!;
  const signed = signature ?? createHmac('sha256', secret).update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'agora-signature-v2': signed };
  return (await fetch(`${world.publicUrl}/webhooks/agora`, { method: 'POST', headers, body })).status;
}

describe('A student and a tutor', () => {
  let requestId: string;

  it('find each other', async () => {
    await mia.api.patiently(() => mia.api.get('/search/tutors?subject=mathematics'), ['student_not_ready']);
    const found = await mia.api.until<{ tutorId: string; reasons?: unknown }[], { tutors: { tutorId: string }[] }>(
      '/search/tutors?subject=Mathematics&level=gcse&words=patient',
      ({ tutors }) => tutors.length > 0 && tutors,
    );
    expect(found).toMatchObject([{ tutorId: okafor.userId, displayName: 'A tutor' }]);
    expect(found[0]!.reasons).toBeUndefined();
    expect(await refusal(mia.api.get('/search/tutors?subject=mathematics&explain=1'))).toEqual([403, 'forbidden']);
    expect(await refusal(mia.api.get('/search/tutors?subject=mathematics&after=x'))).toEqual([400, 'validation_failed']);
  });
  it('have one open request', async () => {
    requestId = (await ask(mia)).id;
    expect(await refusal(ask(mia))).toEqual([409, 'request_already_open']);
    await okafor.api.until<true, { requests: { connectionRequestId: string }[] }>('/connections/incoming', ({ requests }) =>
      requests.some(({ connectionRequestId }) => connectionRequestId === requestId),
    );
    await world.operator.mailTo(okafor.email, 'a student asks for lessons in mathematics');
  });
  it('are connected by the tutor only', async () => {
    expect(await refusal(eve.api.post(`/connections/${requestId}/withdraw`))).toEqual([403, 'not_your_connection_request']);
    expect(await refusal(okafor.api.post(`/connections/${newId()}/accept`))).toEqual([404, 'connection_request_not_found']);
    await okafor.api.post(`/connections/${requestId}/viewed`);
    await okafor.api.post(`/connections/${requestId}/accept`);
    await world.operator.mailTo(mia.email, 'has accepted your request');
  });
  it('write to each other in their channel, and nobody else does', async () => {
    const channelId = await mia.api.until<string, { matches: { channelId: string | null }[] }>(
      '/matches',
      ({ matches }) => matches[0]?.channelId ?? undefined,
    );
    const path = `/channels/${channelId}/messages`;
    await mia.api.post(path, { clientMessageId: 'm1', text: 'Hello!' });
    await mia.api.post(path, { clientMessageId: 'm1', text: 'Hello!' });
    const read = await okafor.api.until<object[], { messages: object[] }>(path, ({ messages }) => messages.length > 0 && messages);
    expect(read).toMatchObject([{ senderId: mia.userId, text: 'Hello!' }]);
    expect(await refusal(eve.api.post(path, { clientMessageId: 'm1', text: 'Hi' }))).toEqual([403, 'not_a_channel_member']);
    expect(await refusal(eve.api.get(path))).toEqual([403, 'not_a_channel_member']);
  });
  it('cannot be asked by somebody who has ten requests open', async () => {
    const tutors = Array.from({ length: 11 }, () => newId());
    for (const id of tutors) await becomesAvailable(id);
    const requests: string[] = [];
    for (const id of tutors.slice(0, 10)) requests.push((await ask(eve, id)).id);
    expect(await refusal(ask(eve, tutors[10]!))).toEqual([409, 'too_many_open_requests']);
    await eve.api.post(`/connections/${requests[0]}/withdraw`);
    await eve.api.patiently(() => ask(eve, tutors[10]!), ['too_many_open_requests']);
  });
});

let lessonId: string;

describe('A lesson', () => {
  let startsAt: string;

  it('is booked at a free time', async () => {
    const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '08:00', to: '20:00' }));
    await okafor.api.put('/tutors/availability', { timeZone: 'Europe/London', weekly: everyDay });
    startsAt = await mia.api.until<string, { slots: { startsAt: string }[] }>(
      `/tutors/${okafor.userId}/slots?from=${plus(platform.clock.now(), DAY)}`,
      ({ slots }) => slots[0]?.startsAt,
    );
    lessonId = await book(mia, startsAt);
    await reaches(mia, lessonId, 'Reserved');
    expect(await mia.api.get(`/lessons/${lessonId}`)).toMatchObject({ amountMinor: 4000, currency: 'gbp', startsAt, minutes: 60 });
    expect(await refusal(eve.api.get(`/lessons/${lessonId}`))).toEqual([403, 'not_your_booking']);
    expect(await refusal(eve.api.post('/lessons/book', { tutorId: okafor.userId, subject: 'x', startsAt, minutes: 60 }))).toEqual([
      409,
      'not_connected',
    ]);
  });
  it('is not booked twice', async () => {
    const second = await book(mia, startsAt);
    expect(await reaches(mia, second, 'Failed', 'Reserved')).toBe('Failed');
    expect(await mia.api.get(`/lessons/${second}`)).toMatchObject({ failedBecause: 'slot_taken' });
  });
  it('is confirmed once it is paid', async () => {
    const pay = () => mia.api.post('/payments/process', { bookingId: lessonId, paymentMethodId: 'pm_card_visa' });
    await mia.api.patiently(pay, ['payment_not_found', 'payment_not_open', 'payment_not_ready']);
    await reaches(mia, lessonId, 'Confirmed');
    await world.operator.mailTo(mia.email, 'is confirmed for');
    await world.operator.mailTo(okafor.email, 'is confirmed for');
    const { lessons } = await okafor.api.get<{ lessons: object[] }>('/lessons/upcoming');
    expect(lessons).toMatchObject([{ bookingId: lessonId, status: 'Confirmed' }]);
  });
  it('can be joined a quarter of an hour before, by its two people', async () => {
    await mia.api.until(`/lessons/${lessonId}/status`, ({ room }) => room !== null);
    expect(await refusal(mia.api.post(`/lessons/${lessonId}/join`))).toEqual([409, 'video_room_not_open']);
    await world.operator.moveClockTo(plus(startsAt, -15 * MINUTE));
    expect(await refusal(eve.api.post(`/lessons/${lessonId}/join`))).toEqual([403, 'not_a_participant']);
    expect(await refusal(mia.api.post(`/lessons/${newId()}/join`))).toEqual([404, 'video_room_not_found']);
    const key = newId();
    const join = () => mia.api.post<{ uid: number; position: string; expiresAt: string }>(`/lessons/${lessonId}/join`, {}, key);
    const joined = await join();
    const { uid, position, expiresAt } = joined;
    expect(await join()).toMatchObject({ uid, position, expiresAt, token: expect.stringMatching(/^007/) });
    expect(joined).toMatchObject({ token: expect.stringMatching(/^007/), expiresAt: plus(startsAt, 75 * MINUTE), recordingConsent: false });
    expect(await mia.api.get(`/lessons/${lessonId}/chat-token`)).toMatchObject({
      uid: joined.uid,
      rtmToken: expect.stringMatching(/^007/),
    });
  });
  it('starts when both are there, by whichever way they are seen, and is recorded as both agreed', async () => {
    await okafor.socket.open();
    const agreed = { recordingConsent: true };
    await okafor.api.post(`/lessons/${lessonId}/join`, agreed);
    const { channel, uid } = await mia.api.post<{ channel: string; uid: number }>(`/lessons/${lessonId}/join`, agreed);
    expect(await agora(103, channel, uid, '0'.repeat(64))).toBe(401);
    expect(await agora(103, channel, uid)).toBe(200);
    expect(await agora(103, 'lesson-of-nobody', uid)).toBe(200);
    await okafor.socket.ask('lesson:join', { lessonId });
    await reaches(mia, lessonId, 'Confirmed');
    await world.operator.moveClockTo(plus(startsAt, -10 * MINUTE));
    await reaches(mia, lessonId, 'InProgress');
    await okafor.socket.next(({ type }) => type === 'lesson:started');
    await mia.api.until<true, { room: { recording: string | null } }>(
      `/lessons/${lessonId}/status`,
      ({ room }) => room.recording === 'running',
    );
  });
  it('carries messages and files', async () => {
    await mia.api.post(`/lessons/${lessonId}/messages`, { clientMessageId: 'm1', text: 'Is that a minus?' });
    const said = await okafor.api.until<object[], { messages: object[] }>(
      `/lessons/${lessonId}/messages`,
      ({ messages }) => messages.length > 0 && messages,
    );
    expect(said).toMatchObject([{ text: 'Is that a minus?' }]);
    expect(await refusal(eve.api.get(`/lessons/${lessonId}/messages`))).toEqual([403, 'not_your_booking']);

    const sheet = Buffer.from('%PDF-1.4 one half');
    const announced = await okafor.api.post<{ fileId: string; upload: { url: string; fields: Record<string, string> } }>(
      `/lessons/${lessonId}/files/upload`,
      { name: 'half.pdf', contentType: 'application/pdf', bytes: sheet.length },
    );
    const complete = (person: Person) => person.api.post(`/lessons/${lessonId}/files/${announced.fileId}/complete`);
    expect(await refusal(complete(okafor))).toEqual([409, 'upload_not_finished']);
    const form = new FormData();
    for (const [name, value] of Object.entries(announced.upload.fields)) form.append(name, value);
    form.append('file', new Blob([new Uint8Array(sheet)], { type: 'application/pdf' }));
    expect((await fetch(announced.upload.url, { method: 'POST', body: form })).ok).toBe(true);
    expect(await refusal(complete(mia))).toEqual([403, 'not_in_this_lesson']);
    await complete(okafor);
    const [shared] = await mia.api.until<{ downloadUrl: string }[], { files: { downloadUrl: string }[] }>(
      `/lessons/${lessonId}/files`,
      ({ files }) => files.length > 0 && files,
    );
    expect(await (await fetch(shared!.downloadUrl)).text()).toBe('%PDF-1.4 one half');
  });
  it('is ended by the tutor; its room closes and the recording arrives', async () => {
    expect(await refusal(mia.api.post(`/lessons/${lessonId}/end`))).toEqual([409, 'too_early_to_end']);
    await world.operator.moveClockTo(plus(startsAt, 45 * MINUTE));
    await okafor.api.post(`/lessons/${lessonId}/end`);
    await reaches(mia, lessonId, 'Completed');
    const ended = await mia.api.get<{
      endedBy: string;
      startedAt: string;
      endedAt: string;
      actualSeconds: number;
      shortfallSeconds: number;
    }>(`/lessons/${lessonId}`);
    expect(ended.endedBy).toBe('tutor');
    expect(ended.actualSeconds).toBe(Math.floor(millisecondsBetween(ended.startedAt, ended.endedAt) / 1000));
    expect(ended.shortfallSeconds).toBe(Math.ceil(3600 - millisecondsBetween(ended.startedAt, ended.endedAt) / 1000));
    await mia.api.until<true, { room: { status: string } }>(`/lessons/${lessonId}/status`, ({ room }) => room.status === 'Closed');
    await mia.api.until<true, { room: { recording: string | null } }>(
      `/lessons/${lessonId}/status`,
      ({ room }) => room.recording === 'uploaded',
    );
    expect(await refusal(mia.api.post(`/lessons/${lessonId}/join`))).toEqual([409, 'video_room_is_closed']);
  });
});

describe('The services of the house', () => {
  it('look at connections and lessons', async () => {
    const period = `from=${plus(platform.clock.now(), -3 * DAY)}&to=${plus(platform.clock.now(), 3 * DAY)}`;
    const [, match] = await platform.internal<object>('GET', `/internal/matches/${mia.userId}/${okafor.userId}`);
    expect(match).toMatchObject({ status: 'Active', channelStatus: 'Open' });
    expect((await platform.internal('GET', `/internal/matches/${okafor.userId}/${mia.userId}`))[0]).toBe(404);
    const [, requests] = await platform.internal<{ sent: number; accepted: number }>('GET', `/internal/connections/analytics?${period}`);
    expect(requests).toMatchObject({ sent: 12, accepted: 1, withdrawn: 1 });
    const [, figures] = await platform.internal<{ byCurrency: object[] }>('GET', `/internal/lessons/analytics-data?${period}`);
    expect(figures.byCurrency).toMatchObject([{ currency: 'gbp', booked: 2, failed: 1, completed: 1, completedMinor: 4000 }]);
    const [, attendance] = await platform.internal<{ participants: { firstJoinedAt: string | null }[] }>(
      'GET',
      `/internal/lessons/${lessonId}/participants`,
    );
    expect(attendance.participants.map(({ firstJoinedAt }) => firstJoinedAt === null)).toEqual([false, false]);
  });
  it('may do what policies do, and find it done', async () => {
    expect((await platform.internal('POST', '/internal/lessons/confirm-payment', { bookingId: lessonId }))[0]).toBe(200);
    expect((await platform.internal('POST', '/internal/lessons/complete', { bookingId: lessonId }))[0]).toBe(200);
    expect((await platform.internal('POST', '/internal/lessons/complete', { bookingId: newId() }))[0]).toBe(404);
    expect((await platform.internal('POST', '/internal/search/reindex-tutor', { tutorId: okafor.userId }))[0]).toBe(202);
    const [status, established] = await platform.internal<{ id: string }>('POST', '/internal/matches/establish', {
      studentId: eve.userId,
      tutorId: okafor.userId,
    });
    expect([status, established.id]).toEqual([200, `${eve.userId}_${okafor.userId}`]);
  });
});

describe('Two hundred bookings of one time at once', () => {
  it('leave one that holds it, and no slot but that', async () => {
    await okafor.api.until('/tutors/profile', () => true);
    const startsAt = await mia.api.until<string, { slots: { startsAt: string }[] }>(
      `/tutors/${okafor.userId}/slots?from=${plus(platform.clock.now(), 2 * DAY)}`,
      ({ slots }) => slots[0]?.startsAt,
    );
    const ids = await Promise.all(Array.from({ length: 200 }, () => book(mia, startsAt)));
    const outcomes = await Promise.all(ids.map((id) => reaches(mia, id, 'Reserved', 'Failed')));
    expect(outcomes.filter((status) => status === 'Reserved')).toHaveLength(1);
    // Nobody pays: the hold runs out and the time is free again.
    await world.operator.moveClockTo(plus(platform.clock.now(), 16 * MINUTE));
    await Promise.all(ids.map((id) => reaches(mia, id, 'Failed')));
    await mia.api.until<true, { slots: { startsAt: string }[] }>(
      `/tutors/${okafor.userId}/slots?from=${startsAt}&to=${plus(startsAt, HOUR)}`,
      ({ slots }) => slots.some((slot) => slot.startsAt === startsAt),
    );
  }, 120_000);
});

describe('A request that nobody answers', () => {
  it('reminds the tutor after twenty hours and ends after a day', async () => {
    const ada = newPerson(world, 'Ada');
    await join(world, ada, 'student', 'Europe/Berlin');
    await becomesReady(ada.userId);
    const { id } = await ask(ada);
    const sentAt = platform.clock.now();
    await ada.api.until('/connections/outgoing', ({ requests }) => (requests as object[]).length > 0);
    await world.operator.moveClockTo(plus(sentAt, 20 * HOUR));
    await world.operator.mailTo(okafor.email, 'has not heard from you');
    await world.operator.moveClockTo(plus(sentAt, DAY));
    await ada.api.until<true, { requests: { status: string }[] }>(
      '/connections/outgoing',
      ({ requests }) => requests[0]?.status === 'Expired',
    );
    expect(await refusal(okafor.api.post(`/connections/${id}/accept`))).toEqual([409, 'request_closed']);
    await world.operator.mailTo(ada.email, 'did not answer your request');
    await connect(ada);
  });
});
