import type { StoredEvent } from '#infra/event-store/reading.ts';
import type { LedgerRow } from '#projections/payments/ledger.ts';
import type { SentMail, StripeObject } from './evidence.ts';
import type { Receipts } from './random-kills-people.ts';

/** What is on record when all has come to rest. */
export interface Findings {
  readonly events: readonly StoredEvent[];
  readonly ledger: readonly LedgerRow[];
  readonly mails: readonly SentMail[];
  readonly receipts: Receipts;
  readonly stripe: Readonly<Record<'payment_intent' | 'charge' | 'refund' | 'transfer' | 'transfer_reversal', readonly StripeObject[]>>;
}

/** What the judge reads of an event's data. */
interface Facts {
  readonly bookingId: string;
  readonly paymentId: string;
  readonly tutorId: string;
  readonly refundId: string;
  readonly payoutId: string;
  readonly reversalId: string;
  readonly connectionRequestId: string;
  readonly deliveryId: string;
  readonly template: string;
  readonly recipientId: string;
  readonly userId: string;
  readonly debtId: string;
  readonly attempt: number;
  readonly amount: number;
  readonly gross: number;
  readonly intentId: string;
  readonly chargeId: string;
  readonly stripeRefundId: string;
  readonly transferId: string;
  readonly stripeReversalId: string;
  readonly blockedFrom: string;
  readonly blockedTo: string;
}
interface Happened {
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly commandId: string;
  readonly data: Facts;
}

const sumOf = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
const plain = ({ type, streamId, revision, metadata, data }: StoredEvent): Happened => ({
  type,
  stream: streamId,
  revision: Number(revision),
  commandId: (metadata as { commandId: string }).commandId,
  data: data as Facts,
});

function grouped<T>(list: readonly T[], keyOf: (item: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/** The commission by the rule of product.md: 20 % of what is kept, to the nearest unit. At 20 % there are no ties. */
const commissionOf = (kept: number): number => Math.round(kept / 5);

/** Compares everything that is on record, wherever it is; gives a sentence for each thing that is not as it must be. */
export class Judge {
  readonly faults: string[] = [];
  readonly #events: readonly Happened[];
  readonly #byType: ReadonlyMap<string, Happened[]>;

  constructor(private readonly findings: Findings) {
    this.#events = findings.events.map(plain);
    this.#byType = grouped(this.#events, ({ type }) => type);
  }

  judge(): readonly string[] {
    this.#nothingTwice();
    this.#everyAnswerOnRecord();
    this.#bookings();
    this.#slots();
    this.#payments();
    this.#nothingElseAtStripe();
    this.#mails();
    return this.faults;
  }

  /** How often what happened: for the report. */
  count(type: string): number {
    return this.#all(type).length;
  }

  #all(type: string): readonly Happened[] {
    return this.#byType.get(type) ?? [];
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) this.faults.push(otherwise);
  }

  #once(type: string, nameOf: (data: Facts) => string): void {
    for (const [name, events] of grouped(this.#all(type), ({ data }) => nameOf(data)))
      this.#expect(events.length === 1, `${type} of ${name} is on record ${events.length} times`);
  }

  #nothingTwice(): void {
    this.#expect(new Set(this.findings.events.map(({ id }) => id)).size === this.#events.length, 'two events have one id');
    const ofCommand = grouped(this.#events, ({ stream, commandId }) => `${stream} ${commandId}`);
    for (const [command, events] of ofCommand) {
      const inOneAppend = events.at(-1)!.revision - events[0]!.revision === events.length - 1;
      this.#expect(inOneAppend, `the command ${command} was carried out more than once: ${events.map(({ type }) => type).join(', ')}`);
    }
    this.#once('BookingInitiated', ({ bookingId }) => bookingId);
    this.#once('TimeSlotReserved', ({ bookingId }) => bookingId);
    this.#once('LessonConfirmed', ({ bookingId }) => bookingId);
    this.#once('BookingFailed', ({ bookingId }) => bookingId);
    this.#once('LessonCompleted', ({ bookingId }) => bookingId);
    this.#once('PaymentInitiated', ({ paymentId }) => paymentId);
    this.#once('PaymentIntentCreated', ({ paymentId }) => paymentId);
    this.#once('PaymentProcessed', ({ paymentId }) => paymentId);
    this.#once('PaymentCanceled', ({ paymentId }) => paymentId);
    this.#once('PaymentReleased', ({ paymentId }) => paymentId);
    this.#once('RefundRequested', ({ refundId, attempt }) => `${refundId} attempt ${attempt}`);
    this.#once('PaymentRefunded', ({ refundId }) => refundId);
    this.#once('TutorPayoutScheduled', ({ payoutId }) => payoutId);
    this.#once('TutorPayoutSent', ({ payoutId }) => payoutId);
    this.#once('TransferReversed', ({ reversalId }) => reversalId);
  }

  /** What people were answered is there, once; what is there was asked for by somebody. */
  #everyAnswerOnRecord(): void {
    const { requests, acceptances, bookings, refunds, endings } = this.findings.receipts;
    const places: readonly [string, readonly string[], (data: Facts) => string, boolean][] = [
      ['ConnectionRequestSent', requests, ({ connectionRequestId }) => connectionRequestId, true],
      ['ConnectionAccepted', acceptances, ({ connectionRequestId }) => connectionRequestId, true],
      ['BookingInitiated', bookings, ({ bookingId }) => bookingId, true],
      ['LessonCompleted', endings, ({ bookingId }) => bookingId, false],
      ['RefundRequested', refunds, ({ refundId }) => refundId, false],
    ];
    for (const [type, answered, nameOf, onlyThose] of places) {
      const recorded = grouped(
        this.#all(type).filter(({ data }) => type !== 'RefundRequested' || data.attempt === 1),
        ({ data }) => nameOf(data),
      );
      for (const id of answered) this.#expect(recorded.get(id)?.length === 1, `${type} of ${id} was answered and is not on record once`);
      if (!onlyThose) continue;
      const known = new Set(answered);
      for (const id of recorded.keys()) this.#expect(known.has(id), `${type} of ${id} is on record, and nobody heard of it`);
    }
  }

  /** Every booking came to one end: confirmed and paid, or failed and nothing is kept of what was paid. */
  #bookings(): void {
    const byBooking = grouped(this.#events, ({ data }) => data.bookingId);
    for (const { data } of this.#all('BookingInitiated')) {
      const { bookingId } = data;
      const types = new Set(byBooking.get(bookingId)!.map(({ type }) => type));
      const confirmed = types.has('LessonConfirmed');
      this.#expect(confirmed !== types.has('BookingFailed'), `the booking ${bookingId} ${confirmed ? 'has two ends' : 'has no end'}`);
      this.#expect(!confirmed || types.has('PaymentProcessed'), `the booking ${bookingId} is confirmed and not paid`);
      const entry = this.findings.ledger.find((row) => row.bookingId === bookingId);
      if (!confirmed && entry !== undefined)
        this.#expect(entry.refundedMinor === entry.chargedMinor, `the booking ${bookingId} failed, and not all of its money went back`);
      if (confirmed)
        this.#expect(types.has('SlotConfirmed') && !types.has('SlotReleased'), `the booking ${bookingId} is confirmed without its slot`);
    }
  }

  /** Every slot that was held was released or confirmed, and no two of those that are taken overlap. */
  #slots(): void {
    const ofCalendars = this.#events.filter(({ stream }) => stream.startsWith('TutorCalendar-'));
    const taken: Happened[] = [];
    for (const held of this.#all('SlotHeld')) {
      const { bookingId } = held.data;
      const last = ofCalendars.findLast(({ data }) => data.bookingId === bookingId)!;
      this.#expect(last.type === 'SlotConfirmed' || last.type === 'SlotReleased', `the slot of the booking ${bookingId} is still held`);
      if (last.type === 'SlotConfirmed') taken.push(held);
    }
    for (const slots of grouped(taken, ({ stream }) => stream).values()) {
      const inOrder = slots.toSorted((a, b) => (a.data.blockedFrom < b.data.blockedFrom ? -1 : 1));
      for (const [place, { data }] of inOrder.entries()) {
        const next = inOrder[place + 1]?.data;
        if (next !== undefined)
          this.#expect(data.blockedTo <= next.blockedFrom, `one hour is sold to the bookings ${data.bookingId} and ${next.bookingId}`);
      }
    }
  }

  /** The log, the ledger and Stripe agree on every payment, and every cent of it belongs to somebody. */
  #payments(): void {
    const byPayment = grouped(this.#events, ({ data, stream }) => (stream.startsWith('PaymentTransaction-') ? data.paymentId : undefined));
    const entries = new Map(this.findings.ledger.map((row) => [row.paymentId, row]));
    for (const [paymentId, events] of byPayment) {
      const entry = entries.get(paymentId);
      if (entry === undefined) this.faults.push(`the payment ${paymentId} is not in the ledger`);
      else this.#payment(paymentId, events, entry);
    }
    this.#expect(entries.size === byPayment.size, 'the ledger has entries that no payment is behind');
  }

  #payment(paymentId: string, events: readonly Happened[], entry: LedgerRow): void {
    const of = (type: string) => events.filter((event) => event.type === type).map(({ data }) => data);
    const say = (holds: boolean, otherwise: string) => this.#expect(holds, `the payment ${paymentId}: ${otherwise}`);
    const [processed] = of('PaymentProcessed');
    const charged = processed?.gross ?? 0;
    const refunds = of('PaymentRefunded');
    const [sent, reversed] = [of('TutorPayoutSent'), of('TransferReversed')];
    const refunded = sumOf(refunds.map(({ amount }) => amount));
    const kept = charged - refunded;
    const commission = commissionOf(kept);

    say(
      sumOf(
        of('RefundRequested')
          .filter(({ attempt }) => attempt === 1)
          .map(({ amount }) => amount),
      ) === refunded,
      'a refund is owed',
    );
    say(
      entry.chargedMinor === charged && entry.refundedMinor === refunded && entry.returnedMinor === refunded,
      'the ledger has other sums',
    );
    say(entry.commissionMinor === commission && entry.tutorShareMinor === kept - commission, `of ${kept} the ledger divides otherwise`);
    say(entry.chargedMinor === entry.refundedMinor + entry.commissionMinor + entry.tutorShareMinor, 'cents belong to nobody');
    const held = sumOf(sent.map(({ amount }) => amount)) - sumOf(reversed.map(({ amount }) => amount));
    say(held === (of('PaymentReleased').length > 0 ? kept - commission : 0), `the tutor holds ${held} of ${kept - commission}`);
    say(entry.paidOutMinor - entry.reversedMinor === held && entry.payoutPlannedMinor === 0, 'the ledger has another payout');
    for (const type of ['PaymentMismatchDetected', 'TutorDebtRecorded', 'PayoutNetted', 'ChargebackOpened'])
      say(of(type).length === 0, `${type}, and nothing gave cause for it`);

    const { payment_intent, charge, refund, transfer, transfer_reversal } = this.findings.stripe;
    const mine = (objects: readonly StripeObject[]) => objects.filter(({ metadata }) => metadata?.['paymentId'] === paymentId);
    const intents = mine(payment_intent);
    const created = of('PaymentIntentCreated');
    const known = intents.filter(({ id }) => id === created[0]?.intentId);
    say(known.length === created.length && intents.length <= 1, `Stripe has ${intents.length} PaymentIntents, the log ${created.length}`);
    const status = processed === undefined ? 'canceled' : 'succeeded';
    say(
      known.every((intent) => intent.status === status),
      `its PaymentIntent is ${known[0]?.status} and not ${status}`,
    );
    // One that the log does not know was called off while it was made: its secret was given to nobody.
    say(
      intents.every((intent) => known.includes(intent) || intent.status === 'requires_payment_method'),
      'a PaymentIntent is unknown',
    );
    const charges = charge.filter((one) => one.status === 'succeeded' && intents.some(({ id }) => id === one.payment_intent));
    say(same(charges, processed === undefined ? [] : [{ id: processed.chargeId, amount: charged }]), 'Stripe charged otherwise');
    say(
      same(
        mine(refund),
        refunds.map(({ stripeRefundId: id, amount }) => ({ id, amount })),
      ),
      'Stripe refunded otherwise',
    );
    say(
      mine(refund).every((one) => one.status === 'succeeded'),
      'a refund did not go through',
    );
    say(
      same(
        mine(transfer),
        sent.map(({ transferId: id, amount }) => ({ id, amount })),
      ),
      'Stripe transferred otherwise',
    );
    say(
      same(
        mine(transfer_reversal),
        reversed.map(({ stripeReversalId: id, amount }) => ({ id, amount })),
      ),
      'Stripe reversed otherwise',
    );
  }

  #nothingElseAtStripe(): void {
    const payments = new Set(this.#all('PaymentInitiated').map(({ data }) => data.paymentId));
    for (const [kind, objects] of Object.entries(this.findings.stripe)) {
      if (kind === 'charge') continue;
      for (const { id, metadata } of objects)
        this.#expect(payments.has(metadata?.['paymentId'] ?? ''), `Stripe has the ${kind} ${id}, which no payment is behind`);
    }
    const intents = new Set(this.findings.stripe.payment_intent.map(({ id }) => id));
    for (const { id, payment_intent: intent } of this.findings.stripe.charge)
      this.#expect(intents.has(intent ?? ''), `Stripe has the charge ${id} without a PaymentIntent`);
  }

  #mails(): void {
    const recorded = this.#all('MailSent').map(({ data }) => data.deliveryId);
    const received = this.findings.mails.map(({ tags }) => tags['deliveryId'] ?? '');
    for (const [delivery, mails] of grouped(received, (id) => id))
      this.#expect(mails.length === 1, `the mail ${delivery} came ${mails.length} times`);
    const [sent, came] = [new Set(recorded), new Set(received)];
    for (const delivery of sent) this.#expect(came.has(delivery), `the mail ${delivery} is on record and did not come`);
    for (const delivery of came) this.#expect(sent.has(delivery), `the mail ${delivery} came and is not on record`);
    // Nothing is sent any more for a registration that ran out while nobody could find out whether the mail had gone.
    const expired = new Set(this.#all('AccountRegistrationExpired').map(({ data }) => data.userId));
    for (const { data } of this.#all('MailAttempted'))
      this.#expect(
        sent.has(data.deliveryId) || (data.template === 'verify-email' && expired.has(data.recipientId)),
        `nobody knows what became of the mail ${data.deliveryId}`,
      );
  }
}

/** Whether Stripe has exactly what the log says, by id and amount. */
function same(objects: readonly StripeObject[], recorded: readonly { readonly id: string; readonly amount: number }[]): boolean {
  const written = (list: readonly { readonly id: string; readonly amount?: number }[]) =>
    list
      .map(({ id, amount }) => `${id} ${amount}`)
      .toSorted()
      .join();
  return written(objects) === written(recorded);
}
