import Stripe from 'stripe';
import { WebhookNotAuthentic, stripeError } from './errors.ts';

/** Where Stripe is and who we are. */
export interface StripeOptions {
  secretKey: string;
  /** Another Stripe than the real one. */
  apiBase?: string | undefined;
  /** Milliseconds until an answer is given up; it may then have happened or not. */
  timeoutMs?: number;
}

/** Seconds that a webhook may be old. */
const WEBHOOK_TOLERANCE_SECONDS = 300;

function sdkSettings({ apiBase, timeoutMs = 20_000 }: StripeOptions): Stripe.StripeConfig {
  // No retries by the SDK: whoever calls knows the key and decides.
  const settings: Stripe.StripeConfig = { maxNetworkRetries: 0, timeout: timeoutMs, telemetry: false };
  if (apiBase === undefined) return settings;
  const { hostname, port, protocol } = new URL(apiBase);
  return { ...settings, host: hostname, protocol: protocol === 'http:' ? 'http' : 'https', ...(port === '' ? {} : { port }) };
}

function hasMetadata(object: { metadata: Stripe.Metadata | null }, wanted: Stripe.MetadataParam): boolean {
  return Object.entries(wanted).every(([name, value]) => object.metadata?.[name] === String(value));
}

/**
 * The calls to Stripe that the product makes. Amounts are in minor units, currencies in lower case. Whatever changes something takes the
 * idempotency key that an event has named before. All of them throw `CardDeclined`, `UpstreamRefused` or `UpstreamUnsure`.
 */
export class StripePayments {
  private readonly stripe: Stripe;

  constructor(options: StripeOptions) {
    this.stripe = new Stripe(options.secretKey, sdkSettings(options));
  }

  createCustomer(params: Stripe.CustomerCreateParams, idempotencyKey: string): Promise<Stripe.Customer> {
    return this.call(() => this.stripe.customers.create(params, { idempotencyKey }));
  }

  deleteCustomer(id: string): Promise<Stripe.DeletedCustomer> {
    return this.call(() => this.stripe.customers.del(id));
  }

  createPaymentIntent(params: Stripe.PaymentIntentCreateParams, idempotencyKey: string): Promise<Stripe.PaymentIntent> {
    return this.call(() => this.stripe.paymentIntents.create(params, { idempotencyKey }));
  }

  /** With its latest charge in full. */
  retrievePaymentIntent(id: string): Promise<Stripe.PaymentIntent> {
    return this.call(() => this.stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] }));
  }

  confirmPaymentIntent(id: string, params: Stripe.PaymentIntentConfirmParams, idempotencyKey: string): Promise<Stripe.PaymentIntent> {
    return this.call(() => this.stripe.paymentIntents.confirm(id, params, { idempotencyKey }));
  }

  cancelPaymentIntent(id: string, params: Stripe.PaymentIntentCancelParams, idempotencyKey: string): Promise<Stripe.PaymentIntent> {
    return this.call(() => this.stripe.paymentIntents.cancel(id, params, { idempotencyKey }));
  }

  /**
   * The payer's intents with that metadata, newest first. It reads the list, which is always up to date, so that an empty answer proves
   * absence; Stripe's search may lag by a minute.
   */
  findPaymentIntents(customer: string, metadata: Stripe.MetadataParam): Promise<Stripe.PaymentIntent[]> {
    return this.all(
      () => this.stripe.paymentIntents.list({ customer, limit: 100 }),
      (intent) => hasMetadata(intent, metadata),
    );
  }

  /** The payers with that e-mail address and metadata, newest first; an empty answer proves absence. */
  findCustomers(email: string, metadata: Stripe.MetadataParam): Promise<Stripe.Customer[]> {
    return this.all(
      () => this.stripe.customers.list({ email, limit: 100 }),
      (customer) => hasMetadata(customer, metadata),
    );
  }

  /** The charges that were tried for an intent, newest first, those that failed too. */
  findCharges(paymentIntent: string): Promise<Stripe.Charge[]> {
    return this.all(() => this.stripe.charges.list({ payment_intent: paymentIntent, limit: 100 }));
  }

  createRefund(params: Stripe.RefundCreateParams, idempotencyKey: string): Promise<Stripe.Refund> {
    return this.call(() => this.stripe.refunds.create(params, { idempotencyKey }));
  }

  retrieveRefund(id: string): Promise<Stripe.Refund> {
    return this.call(() => this.stripe.refunds.retrieve(id));
  }

  /** The refunds of a payment, newest first; with metadata, those that bear it. */
  findRefunds(paymentIntent: string, metadata: Stripe.MetadataParam = {}): Promise<Stripe.Refund[]> {
    return this.all(
      () => this.stripe.refunds.list({ payment_intent: paymentIntent, limit: 100 }),
      (refund) => hasMetadata(refund, metadata),
    );
  }

  retrieveDispute(id: string): Promise<Stripe.Dispute> {
    return this.call(() => this.stripe.disputes.retrieve(id));
  }

  createTransfer(params: Stripe.TransferCreateParams, idempotencyKey: string): Promise<Stripe.Transfer> {
    return this.call(() => this.stripe.transfers.create(params, { idempotencyKey }));
  }

  retrieveTransfer(id: string): Promise<Stripe.Transfer> {
    return this.call(() => this.stripe.transfers.retrieve(id));
  }

  /** The transfers of a group, newest first. */
  findTransfers(transferGroup: string): Promise<Stripe.Transfer[]> {
    return this.all(() => this.stripe.transfers.list({ transfer_group: transferGroup, limit: 100 }));
  }

  createTransferReversal(
    transfer: string,
    params: Stripe.TransferCreateReversalParams,
    idempotencyKey: string,
  ): Promise<Stripe.TransferReversal> {
    return this.call(() => this.stripe.transfers.createReversal(transfer, params, { idempotencyKey }));
  }

  /** The reversals of a transfer, newest first. */
  findTransferReversals(transfer: string): Promise<Stripe.TransferReversal[]> {
    return this.all(() => this.stripe.transfers.listReversals(transfer, { limit: 100 }));
  }

  createAccount(params: Stripe.AccountCreateParams, idempotencyKey: string): Promise<Stripe.Account> {
    return this.call(() => this.stripe.accounts.create(params, { idempotencyKey }));
  }

  retrieveAccount(id: string): Promise<Stripe.Account> {
    return this.call(() => this.stripe.accounts.retrieve(id));
  }

  /** A link that opens once and lives for minutes: ask for a new one each time. */
  createAccountLink(params: Stripe.AccountLinkCreateParams): Promise<Stripe.AccountLink> {
    return this.call(() => this.stripe.accountLinks.create(params));
  }

  /** The saved cards of a payer. */
  listPaymentMethods(customer: string): Promise<Stripe.PaymentMethod[]> {
    return this.all(() => this.stripe.paymentMethods.list({ customer, type: 'card', limit: 100 }));
  }

  /** The movements on the balance of the platform, or of a connected account, that came after a time in seconds. */
  balanceTransactions(since: number, account?: string): Promise<Stripe.BalanceTransaction[]> {
    const options = account === undefined ? {} : { stripeAccount: account };
    return this.all(() => this.stripe.balanceTransactions.list({ created: { gte: since }, limit: 100 }, options));
  }

  /** The event of a webhook. Throws `WebhookNotAuthentic` when the signature does not fit the body and secret, or is more than five minutes old. */
  verifyWebhook(rawBody: string | Buffer, signatureHeader: string, secret: string): Stripe.Event {
    try {
      return this.stripe.webhooks.constructEvent(rawBody, signatureHeader, secret, WEBHOOK_TOLERANCE_SECONDS);
    } catch (error) {
      throw new WebhookNotAuthentic({ cause: error });
    }
  }

  private async call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw stripeError(error);
    }
  }

  private all<T>(list: () => AsyncIterable<T>, fits: (item: T) => boolean = () => true): Promise<T[]> {
    return this.call(async () => {
      const found: T[] = [];
      for await (const item of list()) if (fits(item)) found.push(item);
      return found;
    });
  }
}
