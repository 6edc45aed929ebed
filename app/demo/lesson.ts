import { randomUUID } from 'node:crypto';
import { plus, DAY, HOUR, MINUTE } from '#domain/kernel/time.ts';
import { ApiProblem } from './api.ts';
import { postForm, type Tell, type UploadForm } from './onboarding.ts';
import type { Person, World } from './people.ts';

/** A lesson under way to be booked, paid and held. */
export interface Booking {
  readonly bookingId: string;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** The money of a booking as the ledger shows it, in minor units. */
export interface Ledger {
  readonly currency: string;
  readonly chargedMinor: number;
  readonly refundedMinor: number;
  readonly commissionMinor: number;
  readonly tutorShareMinor: number;
  readonly payoutPlannedMinor: number;
  readonly paidOutMinor: number;
}

const MINUTES = 60;

/** The student finds the tutor, asks to connect, is accepted, and they write to each other. */
export async function connect(student: Person, tutor: Person, tell: Tell): Promise<void> {
  await student.socket.open();
  await tutor.socket.open();
  await found(student, tutor.userId);
  await tell('Mia searches for mathematics at GCSE level and finds Tobias.');

  const request = { tutorId: tutor.userId, subject: 'mathematics', level: 'gcse', message: 'Could you help me with fractions?' };
  const { id } = await student.api.post<{ id: string }>('/connections/request', request);
  await tutor.socket.next(({ type, data }) => type === 'connection:request-received' && data['connectionRequestId'] === id);
  await tell('She asks him to connect; he hears of it at once and has 24 hours to answer.');

  await tutor.api.until('/connections/incoming', ({ requests }) =>
    (requests as { connectionRequestId: string }[]).some(({ connectionRequestId }) => connectionRequestId === id),
  );
  await tutor.api.post(`/connections/${id}/viewed`);
  await tutor.api.post(`/connections/${id}/accept`);
  await student.socket.next(({ type, data }) => type === 'match:established' && data['tutorId'] === tutor.userId);
  const channelId = await student.api.until<string, { matches: { tutorId: string; channelId: string | null }[] }>(
    '/matches',
    ({ matches }) => matches.find(({ tutorId }) => tutorId === tutor.userId)?.channelId ?? undefined,
  );
  await tell('He reads it and accepts: they are matched, and a channel opens for them.');

  await student.api.post(`/channels/${channelId}/messages`, { clientMessageId: randomUUID(), text: 'Hello! Is tomorrow all right?' });
  await tutor.api.until(`/channels/${channelId}/messages`, ({ messages }) => (messages as unknown[]).length > 0);
  await tell('They agree on a time.');
}

async function found(student: Person, tutorId: string): Promise<void> {
  await student.api.until<true, { tutors: { tutorId: string }[] }>('/search/tutors?subject=mathematics&level=gcse&limit=50', ({ tutors }) =>
    tutors.some((tutor) => tutor.tutorId === tutorId),
  );
}

/** A time that the tutor offers: not the very first, which would soon be too near to be booked. */
export async function freeTime(student: Person, tutorId: string): Promise<string> {
  return student.api.until<string, Offer>(offerOf(tutorId), ({ slots }) => {
    const [first] = slots;
    return first && slots.find(({ startsAt }) => startsAt >= plus(first.startsAt, HOUR))?.startsAt;
  });
}

/** Waits until the tutor offers a time. */
export async function isOffered(student: Person, tutorId: string, time: string): Promise<void> {
  await student.api.until<true, Offer>(offerOf(tutorId), ({ slots }) => slots.some(({ startsAt }) => startsAt === time));
}

interface Offer {
  readonly slots: readonly { readonly startsAt: string }[];
}

const offerOf = (tutorId: string): string => `/tutors/${tutorId}/slots?minutes=${MINUTES}`;

/** Books a time; resolves when it is held and can be paid for. */
export async function book(student: Person, tutorId: string, startsAt: string): Promise<Booking> {
  const wanted = { tutorId, subject: 'mathematics', startsAt, minutes: MINUTES };
  const { id } = await student.api.post<{ id: string }>('/lessons/book', wanted);
  await lessonReaches(student, id, 'Reserved');
  return { bookingId: id, startsAt, endsAt: plus(startsAt, MINUTES * MINUTE) };
}

/** Pays with one of Stripe's test cards. Whoever asks again because the first answer was lost may hear that it is paid. */
export async function pay(student: Person, bookingId: string, paymentMethodId: string): Promise<void> {
  try {
    await student.api.patiently(
      () => student.api.post('/payments/process', { bookingId, paymentMethodId }),
      // The PaymentIntent is opened by a policy: a moment after the time was reserved.
      ['payment_not_found', 'payment_not_open', 'payment_not_ready'],
    );
  } catch (problem) {
    if (!(problem instanceof ApiProblem && problem.code === 'already_paid')) throw problem;
  }
}

/** Waits until a booking has come to a status. */
export async function lessonReaches(person: Person, bookingId: string, status: string): Promise<void> {
  await person.api.until<true, { status: string }>(`/lessons/${bookingId}/status`, (lesson) => lesson.status === status);
}

/** Both meet in the room at the hour, write, share a file, lose the connection and come back; the tutor ends the lesson. */
export async function hold(world: World, student: Person, tutor: Person, booking: Booking, tell: Tell): Promise<void> {
  const { bookingId: lessonId, startsAt, endsAt } = booking;
  await world.operator.moveClockTo(plus(startsAt, -5 * MINUTE));
  await tell('The clock moves to five minutes before the lesson.');

  for (const person of [student, tutor]) {
    // The room is made by a policy: a moment after the lesson was confirmed.
    await person.api.patiently(() => person.api.post(`/lessons/${lessonId}/join`, { recordingConsent: false }), ['video_room_not_found']);
    await person.socket.ask('lesson:join', { lessonId });
  }
  await student.socket.next(({ type, data }) => type === 'lesson:started' && data['lessonId'] === lessonId);
  await tell('Both come into the video room: the lesson starts by itself.');

  const ofThisLesson = (type: string) => (frame: { type: string; data: Readonly<Record<string, unknown>> }) =>
    frame.type === type && frame.data['lessonId'] === lessonId;
  await tutor.socket.ask('lesson:message', { lessonId, clientMessageId: randomUUID(), text: 'Let us begin with a half and a third.' });
  await student.socket.next(ofThisLesson('lesson:message-sent'));
  const worksheet = Buffer.from('%PDF-1.4 one half and one third');
  const announced = await tutor.api.post<{ fileId: string; upload: UploadForm }>(`/lessons/${lessonId}/files/upload`, {
    name: 'fractions.pdf',
    contentType: 'application/pdf',
    bytes: worksheet.length,
  });
  await postForm(announced.upload, 'application/pdf', worksheet);
  student.socket.interrupt();
  await tutor.api.post(`/lessons/${lessonId}/files/${announced.fileId}/complete`);
  await student.socket.next(ofThisLesson('lesson:file-shared'));
  await tell('They write to each other and share a worksheet; Mia loses her connection, comes back and receives what she missed.');

  await world.operator.moveClockTo(endsAt);
  await tutor.api.post(`/lessons/${lessonId}/end`);
  await student.socket.next(ofThisLesson('lesson:ended'));
  await tell('The hour is over and Tobias ends the lesson.');
}

/** A day passes; the tutor's share is released, scheduled and, being due, sent. */
export async function payOut(world: World, admin: Person, booking: Booking, tell: Tell): Promise<void> {
  await world.operator.moveClockTo(plus(booking.endsAt, DAY + MINUTE));
  const { paidOutMinor, currency } = await ledgerWhere(
    admin,
    booking.bookingId,
    ({ paidOutMinor: sent, tutorShareMinor: owed }) => sent > 0 && sent === owed,
  );
  await tell(
    `A day passes without a complaint: Tobias' share is released, scheduled, and ${money(paidOutMinor, currency)} go to his account at Stripe.`,
  );
}

/** The ledger of a booking, as soon as it is as awaited. */
export function ledgerWhere(admin: Person, bookingId: string, awaited: (ledger: Ledger) => boolean): Promise<Ledger> {
  return admin.api.patiently(
    () => admin.api.until<Ledger, Ledger>(`/admin/ledger/${bookingId}`, (ledger) => awaited(ledger) && ledger),
    ['not_found', 'ledger_not_found', 'booking_not_found'],
  );
}

/** An amount as people write it: `40.00 GBP`. */
export function money(minor: number, currency: string): string {
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  return `${(minor / 10 ** digits).toFixed(digits)} ${currency.toUpperCase()}`;
}
