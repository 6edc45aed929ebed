import { of, provideFacts, type FactProvider } from './kernel/facts.ts';
import { lessonBooking } from './lessons/lesson-booking.ts';
import { initiatePayment, refundBookingOutcome, releasePayment, schedulePayout } from './payments/payment-commands.ts';
import { payable } from './payments/payment-payouts.ts';
import type { PaymentState } from './payments/payment-state.ts';
import { paymentTransaction } from './payments/payment-transaction.ts';
import { claimTutorDebt, openDebtsOf, tutorPayoutAccount } from './payments/tutor-payout-account.ts';

const bookingOf = ({ terms }: PaymentState) => (terms === undefined ? undefined : of(lessonBooking, terms.parties.bookingId));

/** Payments: what is to be paid, owed back and earned follows from the booking. */
export const paymentsFacts: readonly FactProvider[] = [
  provideFacts(initiatePayment, paymentTransaction, {
    reads: ({ bookingId }) => ({ booking: of(lessonBooking, bookingId) }),
    facts: ({ booking: { status, lesson, payerId, quote } }) => {
      if (status !== 'Reserved' || lesson === undefined || payerId === undefined || quote === undefined) return { toPay: null };
      const { studentId, tutorId } = lesson;
      const { amountMinor: gross, currency, feeBps } = quote;
      return { toPay: { studentId, payerId, tutorId, gross, currency, feeBps } };
    },
  }),
  provideFacts(refundBookingOutcome, paymentTransaction, {
    reads: (_, payment) => ({ booking: bookingOf(payment) }),
    facts: ({ booking }) => ({ refundDue: booking?.status === 'Failed' ? (booking.quote?.amountMinor ?? null) : null }),
  }),
  provideFacts(releasePayment, paymentTransaction, {
    reads: (_, payment) => ({ booking: bookingOf(payment) }),
    facts: ({ booking }) => ({
      earnedAt: booking?.status === 'Completed' ? (booking.endedAt ?? null) : null,
      disputed: booking?.status === 'Disputed',
    }),
  }),
  provideFacts(schedulePayout, paymentTransaction, {
    reads: (_, { terms }) => ({ account: terms === undefined ? undefined : of(tutorPayoutAccount, terms.parties.tutorId) }),
    facts: ({ account }, { paymentId }) => {
      if (account === undefined) return { openDebts: {}, claimed: null };
      const claimed = account.claims[paymentId];
      return { openDebts: openDebtsOf(account), claimed: claimed === undefined ? null : [...claimed] };
    },
  }),
  provideFacts(claimTutorDebt, tutorPayoutAccount, {
    reads: ({ paymentId }) => ({ payment: of(paymentTransaction, paymentId) }),
    facts: ({ payment }) => ({
      payable: payment.terms === undefined ? null : { amount: payable(payment), currency: payment.terms.currency },
    }),
  }),
];
