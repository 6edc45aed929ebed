import type { Events } from '#domain/deciders.ts';
import { command } from '#domain/kernel/command.ts';
import { at, effect, now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { reverseTransfer, settleTutorDebt } from '#domain/payments/payment-commands.ts';
import { noteTutorDebt } from '#domain/payments/tutor-payout-account.ts';
import { reverseTransferAtStripe } from '../effects/stripe-effects.ts';

const takeBack = (paymentId: string, reversalId: string) => now(command(reverseTransfer, { paymentId, reversalId }));
const further = (paymentId: string, ...cause: [string, ...string[]]) => takeBack(paymentId, followUpId('Reversal', ...cause));

/**
 * The payer is refunded first, then the tutor’s part is taken back. Whether there is something to take back is decided by
 * the payment after each event that may have left the tutor with more than they are owed.
 */
export const recoverFromTutor: ProcessManager<Events> = {
  name: 'recover-from-tutor',
  context: 'payments',
  sentence: 'What a tutor holds beyond what they are owed is taken back; what cannot be becomes a debt that later payouts pay.',
  instance: (event) => ('bookingId' in event.data ? event.data.bookingId : event.aggregateId),
  on: {
    PaymentRefunded: ({ data: { paymentId, refundId } }) => takeBack(paymentId, refundId),
    ChargebackLost: ({ data: { paymentId, disputeId } }) => further(paymentId, paymentId, disputeId),
    TutorPayoutSent: ({ data: { paymentId, payoutId } }) => further(paymentId, payoutId),
    PayoutNetted: ({ id, data: { paymentId, debts } }) => [
      ...debts.map(({ debtId, paymentId: owedFor, amount }) =>
        now(command(settleTutorDebt, { paymentId: owedFor, debtId, amount, byPaymentId: paymentId })),
      ),
      further(paymentId, id),
    ],
    TransferReversalRequested: ({ data: { paymentId, reversalId } }) => now(effect(reverseTransferAtStripe, { paymentId, reversalId })),
    TransferReversalFailed: ({ data: { paymentId, reversalId, retryAt } }) =>
      retryAt === undefined ? [] : at(retryAt, effect(reverseTransferAtStripe, { paymentId, reversalId })),
    TransferReversed: ({ data: { paymentId, reversalId } }) => further(paymentId, reversalId),
    TutorDebtRecorded: ({ data: { paymentId, tutorId, debtId, amount, currency } }) => [
      now(command(noteTutorDebt, { tutorId, debtId, paymentId, amount, currency })),
      further(paymentId, debtId),
    ],
  },
};
