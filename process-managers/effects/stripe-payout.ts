import { command } from '#domain/kernel/command.ts';
import * as payment from '#domain/payments/payment-commands.ts';
import { isDue } from '#domain/payments/payment-payouts.ts';
import { paymentTransaction } from '#domain/payments/payment-transaction.ts';
import { canBePaid, recordPayoutAccount, tutorPayoutAccount } from '#domain/payments/tutor-payout-account.ts';
import type { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { handleEffect } from '#infra/process-managers/effect.ts';
import { actOnce, findOrAct, ProvenAbsent, refusalCode } from './stripe-calls.ts';
import { createPayoutAccount, createTransfer, reverseTransferAtStripe } from './stripe-effects.ts';
import { recordTransfer, sendUnless } from './stripe-outcomes.ts';

/**
 * Sends a payout that is due. Without an account that can be paid it waits, and says for what. What was sent and is not on record yet, because
 * the answer was lost, is recorded first: also for a payout that was called off meanwhile, so that the one in its place does not send it again.
 */
export const createTransferHandler = (stripe: StripePayments) =>
  handleEffect(createTransfer, async ({ paymentId, payoutId }, { load, commands, clock }) => {
    const { state: before } = await load(paymentTransaction, paymentId);
    const { terms, chargeId } = before;
    const asked = before.payouts[payoutId];
    if (terms === undefined || chargeId === undefined || asked === undefined || asked.transferId !== undefined) return;
    const { bookingId, tutorId } = terms.parties;
    for (const transfer of await stripe.findTransfers(bookingId)) await recordTransfer(commands, transfer);
    const { state } = await load(paymentTransaction, paymentId);
    const payout = state.payouts[payoutId];
    if (payout === undefined || !isDue(state, payout, clock.now())) return;
    const { state: account } = await load(tutorPayoutAccount, tutorId);
    const { accountId } = account;
    if (accountId === undefined || !canBePaid(account)) {
      const reason = accountId === undefined ? 'no_account' : 'payouts_disabled';
      await commands.send(command(payment.blockPayout, { paymentId, payoutId, reason }));
      return;
    }
    const { amount, key } = payout;
    const order = { amount, currency: terms.currency, destination: accountId, source_transaction: chargeId, transfer_group: bookingId };
    try {
      const transfer = await actOnce({
        call: () => stripe.createTransfer({ ...order, metadata: { paymentId, payoutId } }, key),
        find: async () => (await stripe.findTransfers(bookingId)).find(({ metadata }) => metadata['payoutId'] === payoutId),
      });
      await recordTransfer(commands, transfer);
    } catch (error) {
      const code = refusalCode(error);
      if (code === undefined) throw error;
      await commands.send(command(payment.recordPayoutFailed, { paymentId, payoutId, code, attempt: payout.refusals + 1 }));
    }
  });

/** Takes money back from the tutor that was asked for. */
export const reverseTransferHandler = (stripe: StripePayments) =>
  handleEffect(reverseTransferAtStripe, async ({ paymentId, reversalId }, { load, commands, clock }) => {
    const { state } = await load(paymentTransaction, paymentId);
    const reversal = state.reversals[reversalId];
    if (reversal?.status !== 'pending' || (reversal.dueAt !== undefined && reversal.dueAt > clock.now())) return;
    const { transferId, amount: wanted, key, refusals } = reversal;
    const metadata = { paymentId, reversalId };
    try {
      const made = await findOrAct({
        call: () => stripe.createTransferReversal(transferId, { amount: wanted, metadata }, key),
        find: async () => (await stripe.findTransferReversals(transferId)).find((other) => other.metadata?.['reversalId'] === reversalId),
      });
      const { id: stripeReversalId, amount, currency } = made;
      await commands.send(command(payment.recordTransferReversed, { paymentId, reversalId, stripeReversalId, amount, currency }));
    } catch (error) {
      const code = refusalCode(error);
      if (code === undefined) throw error;
      await commands.send(command(payment.recordTransferReversalFailed, { paymentId, reversalId, code, attempt: refusals + 1 }));
    }
  });

/** Opens a tutor's account at Stripe: the platform bears fees and losses, Stripe asks for what the law wants to know. */
export const createPayoutAccountHandler = (stripe: StripePayments) =>
  handleEffect(createPayoutAccount, async ({ tutorId }, { load, commands }) => {
    const { state } = await load(tutorPayoutAccount, tutorId);
    const { accountKey } = state;
    if (accountKey === undefined || state.accountId !== undefined) return;
    const account = await openAccount(stripe, tutorId, accountKey);
    // Unless a webhook has told of another one first, which an answer of ours that was lost left behind.
    await sendUnless(['another_payout_account'], () => commands.send(command(recordPayoutAccount, { tutorId, accountId: account.id })));
  });

async function openAccount(stripe: StripePayments, tutorId: string, key: string) {
  let failure: ProvenAbsent | undefined;
  // An error that Stripe keeps repeating under one key is got round by another: an empty account that nobody uses does no harm.
  for (const each of [key, `${key}:2`]) {
    try {
      return await actOnce({
        call: () =>
          stripe.createAccount(
            {
              controller: {
                fees: { payer: 'application' },
                losses: { payments: 'application' },
                requirement_collection: 'stripe',
                stripe_dashboard: { type: 'express' },
              },
              capabilities: { transfers: { requested: true } },
              metadata: { tutorId },
            },
            each,
          ),
        find: () => Promise.resolve(undefined),
      });
    } catch (error) {
      if (!(error instanceof ProvenAbsent)) throw error;
      failure = error;
    }
  }
  throw failure ?? new Error('There was no key to open an account with');
}
