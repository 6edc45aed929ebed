import { administrator, minorStudent, readyToTeach, verifiedTutor, type Tell } from './onboarding.ts';
import { book, connect, freeTime, hold, isOffered, ledgerWhere, lessonReaches, money, pay, payOut, type Ledger } from './lesson.ts';
import { join, newPerson, type Person, type World } from './people.ts';

/** How a story ended: the money of its booking, and what it should be. */
export interface Ending {
  readonly title: string;
  readonly ledger: Ledger | undefined;
  /** What does not hold; none when all is well. */
  readonly faults: readonly string[];
}

export interface Cast {
  readonly admin: Person;
  readonly tutor: Person;
  readonly student: Person;
}

export type Variant = 'lesson' | 'declined' | 'lost-slot';

const PRICE = 4_000;
const COMMISSION = 800;

/** Plays a story from registration to its end. It uses the public API and the WebSocket only; the operator moves the clock. */
export async function play(variant: Variant, world: World, admin: { email: string; password: string }, tell: Tell): Promise<Ending> {
  const cast = await meet(world, admin, tell);
  try {
    return await PLOTS[variant](world, cast, tell);
  } finally {
    for (const { socket } of Object.values(cast)) socket.close();
  }
}

const PLOTS: Readonly<Record<Variant, (world: World, cast: Cast, tell: Tell) => Promise<Ending>>> = {
  lesson,
  declined,
  'lost-slot': lostSlot,
};

async function meet(world: World, account: { email: string; password: string }, tell: Tell): Promise<Cast> {
  const admin = await administrator(world, account);
  const tutor = await verifiedTutor(world, admin, tell);
  await readyToTeach(world, tutor, tell);
  const student = await minorStudent(world, tell);
  await connect(student, tutor, tell);
  return { admin, tutor, student };
}

/** The whole way: booked, paid, held, and the tutor paid. */
async function lesson(world: World, { admin, tutor, student }: Cast, tell: Tell): Promise<Ending> {
  const booking = await book(student, tutor.userId, await freeTime(student, tutor.userId));
  await tell(`Mia books an hour at ${booking.startsAt}; the time is held for her for 15 minutes.`);
  await pay(student, booking.bookingId, 'pm_card_visa');
  const ofBooking = ({ type, data }: { type: string; data: Readonly<Record<string, unknown>> }) =>
    type === 'lesson:booking-confirmed' && data['lessonId'] === booking.bookingId;
  await student.socket.next(ofBooking);
  await tutor.socket.next(ofBooking);
  await tell('She pays by card; the lesson is confirmed and both hear of it.');
  await hold(world, student, tutor, booking, tell);
  await payOut(world, admin, booking, tell);
  const ledger = await ledgerWhere(admin, booking.bookingId, () => true);
  return {
    title: 'The lesson was held and everybody has their part',
    ledger,
    faults: differences(ledger, {
      chargedMinor: PRICE,
      refundedMinor: 0,
      commissionMinor: COMMISSION,
      tutorShareMinor: PRICE - COMMISSION,
      paidOutMinor: PRICE - COMMISSION,
    }),
  };
}

/** The card is declined three times: the booking fails, the time is free again and nothing is owed. */
async function declined(_world: World, { admin, tutor, student }: Cast, tell: Tell): Promise<Ending> {
  const slot = await freeTime(student, tutor.userId);
  const { bookingId } = await book(student, tutor.userId, slot);
  await tell(`Mia books an hour at ${slot}.`);
  for (const attempt of ['first', 'second', 'third']) {
    await pay(student, bookingId, 'pm_card_visa_chargeDeclined');
    await tell(`Her bank declines the card, for the ${attempt} time.`);
  }
  await lessonReaches(student, bookingId, 'Failed');
  await isOffered(student, tutor.userId, slot);
  await tell('The booking has failed, and the time is free for others.');
  const ledger = await admin.api.get<Ledger>(`/admin/ledger/${bookingId}`);
  return {
    title: 'The payment was declined and nothing is owed',
    ledger,
    faults: differences(ledger, { chargedMinor: 0, refundedMinor: 0, commissionMinor: 0, tutorShareMinor: 0, paidOutMinor: 0 }),
  };
}

/**
 * Mia pays while Stripe is in trouble: its webhooks do not arrive and it does not answer when the payment is to be called off. Her fifteen minutes run
 * out and Ben takes the time. When Stripe is back, her money is found, and goes back to the last cent.
 */
async function lostSlot(world: World, cast: Cast, tell: Tell): Promise<Ending> {
  const ben = newPerson(world, 'Ben Adult');
  try {
    return await slotLostTo(ben, world, cast, tell);
  } finally {
    ben.socket.close();
  }
}

async function slotLostTo(ben: Person, world: World, { admin, tutor, student }: Cast, tell: Tell): Promise<Ending> {
  await join(world, ben, 'student', 'Europe/Paris');
  await ben.api.post('/students/profile', {
    dateOfBirth: '1990-05-17',
    name: 'Ben',
    gradeLevel: 'adult',
    subjectsOfInterest: ['mathematics'],
  });
  await ben.api.until('/users/profile', ({ student: profile }) => (profile as { status: string } | null)?.status === 'Ready');
  await tell('Ben, who is 36, registers; nobody has to consent for him.');
  await connect(ben, tutor, async () => undefined);
  await tell('He connects with Tobias too.');

  const slot = await freeTime(student, tutor.userId);
  const { bookingId } = await book(student, tutor.userId, slot);
  await tell(`Mia books the hour at ${slot}.`);
  await world.operator.silenceStripe();
  await pay(student, bookingId, 'pm_card_visa');
  await world.operator.overloadStripe();
  await tell('She pays, but Stripe is in trouble: its word does not reach the platform.');
  const lesson = await student.api.get<{ heldUntil: string }>(`/lessons/${bookingId}`);
  await world.operator.moveClockTo(lesson.heldUntil);
  const other = await book(ben, tutor.userId, slot);
  await tell('Her 15 minutes run out; Ben books the same hour and holds it.');
  await world.operator.stripeIsBack();
  await pay(ben, other.bookingId, 'pm_card_visa');
  await lessonReaches(ben, other.bookingId, 'Confirmed');
  await lessonReaches(student, bookingId, 'Failed');
  const ledger = await ledgerWhere(
    admin,
    bookingId,
    ({ chargedMinor, refundedMinor }) => chargedMinor > 0 && refundedMinor === chargedMinor,
  );
  await tell('Stripe is back: Mia’s payment is found, her booking has failed, and all of her money goes back. Ben has the hour.');
  return {
    title: 'The time was lost after payment and the money went back in full',
    ledger,
    faults: differences(ledger, { chargedMinor: PRICE, refundedMinor: PRICE, commissionMinor: 0, tutorShareMinor: 0, paidOutMinor: 0 }),
  };
}

function differences(ledger: Ledger, expected: Partial<Record<keyof Ledger, number>>): string[] {
  const wrong = Object.entries(expected).filter(([name, amount]) => ledger[name as keyof Ledger] !== amount);
  const balance = ledger.chargedMinor - ledger.refundedMinor - ledger.commissionMinor - ledger.tutorShareMinor;
  return [
    ...wrong.map(([name, amount]) => `${name} is ${ledger[name as keyof Ledger]} and should be ${amount}`),
    ...(balance === 0 ? [] : [`${money(balance, ledger.currency)} belong to nobody`]),
  ];
}
