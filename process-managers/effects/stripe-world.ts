import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deciders } from '#domain/deciders.ts';
import { factProviders } from '#domain/facts.ts';
import { command, SYSTEM, type Actor, type CommandMessage } from '#domain/kernel/command.ts';
import type { ProcessManager } from '#domain/kernel/consumer.ts';
import type { DomainEvent, RecordedEvent } from '#domain/kernel/event.ts';
import { receiveStripeEvent, stripeEventIdOf } from '#domain/payments/stripe-event.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { CommandContext, CommandResult } from '#infra/cqrs/commands.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { startStripeHarness } from '#infra/embedded/stripe/harness.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { givenEvents } from '#infra/event-store/given-events.ts';
import type { WaitingRow } from '#infra/process-managers/outbox.ts';
import type { NewRow } from '#infra/process-managers/new-rows.ts';
import { derive } from '#infra/process-managers/reactions.ts';
import { Executor } from '#infra/process-managers/executor.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { paymentToConfirmation } from '../lessons/payment-to-confirmation.ts';
import { chargeReservedSlot } from '../payments/charge-reserved-slot.ts';
import { giveUpUnpaidBooking } from '../payments/give-up-unpaid-booking.ts';
import { hearStripe } from '../payments/hear-stripe.ts';
import { payTutorAfterLesson } from '../payments/pay-tutor-after-lesson.ts';
import { payoutAccountOpens } from '../payments/payout-account-opens.ts';
import { recoverFromTutor } from '../payments/recover-from-tutor.ts';
import { refundWhatIsOwed } from '../payments/refund-what-is-owed.ts';
import { stripeHandlers } from './stripe-handlers.ts';

const managers = [
  chargeReservedSlot,
  giveUpUnpaidBooking,
  hearStripe,
  refundWhatIsOwed,
  payTutorAfterLesson,
  payoutAccountOpens,
  recoverFromTutor,
  paymentToConfirmation,
] as readonly unknown[] as readonly ProcessManager[];

/**
 * The payments with the real event store, the real SDK and a Stripe that speaks its protocol; policies are carried out one reaction after
 * the other, so that a spec decides what happens when. For specs.
 */
export class StripeWorld {
  /** All events that happened, in order. */
  readonly events: RecordedEvent[] = [];
  #rows: NewRow[] = [];
  #heard = new Set<string>();

  private constructor(
    readonly harness: Awaited<ReturnType<typeof startStripeHarness>>,
    readonly stripe: StripePayments,
    readonly aggregates: Aggregates,
    readonly clock: MovableClock,
    private readonly client: EventStoreClient,
    private readonly codec: Codec,
    private readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<StripeWorld> {
    const dir = mkdtempSync(join(tmpdir(), 'stripe-world-'));
    const server = await launchEventStore({ dir });
    const harness = await startStripeHarness();
    const client = new EventStoreClient({ connectionString: server.connectionString });
    const vault = new InMemoryVault();
    const codec = new Codec({ deciders, vault });
    const stripe = new StripePayments({ secretKey: harness.secrets.secretKey, apiBase: harness.address, timeoutMs: 2_000 });
    const clock = new MovableClock();
    const aggregates = new Aggregates({ deciders, factProviders, client, codec, vault, clock });
    return new StripeWorld(harness, stripe, aggregates, clock, client, codec, async () => {
      await client.close();
      await Promise.all([server.stop(), harness.stop()]);
      rmSync(dir, { recursive: true, force: true });
    });
  }

  stop(): Promise<void> {
    return this.close();
  }

  /** Writes what happened elsewhere, as given; what follows from it waits for {@link settle}. */
  async given(aggregateType: string, aggregateId: string, ...events: readonly DomainEvent[]): Promise<void> {
    await givenEvents({ client: this.client, codec: this.codec, clock: this.clock }, aggregateType, aggregateId, events);
    for (const event of await this.aggregates.history(aggregateType, aggregateId)) this.#happened(event);
  }

  /** Lets everything that ever happened be followed up once more, timers included, as after the loss of the outbox. */
  async replay(): Promise<void> {
    this.#rows = this.events.flatMap((event) => managers.flatMap((manager) => derive(manager, event)));
    await this.settle();
  }

  /** Sends a command; what follows from it waits for {@link settle}. */
  async send(message: CommandMessage, by: Actor = SYSTEM, commandId = randomUUID()): Promise<CommandResult> {
    return this.#send(message, { commandId, correlationId: commandId, causationId: commandId, source: 'spec', by });
  }

  /** Carries out all that follows until nothing more does, without waiting for timers that are not due. An error is thrown and its reaction stays. */
  async settle(): Promise<void> {
    for (;;) {
      const next = this.#rows.find(({ due }) => due === null || due <= this.clock.now());
      if (next === undefined) return;
      await this.run(next);
    }
  }

  /** Reactions that wait. */
  get waiting(): readonly NewRow[] {
    return this.#rows;
  }

  /** Carries out one reaction, and forgets it when it is done. */
  async run(row: NewRow): Promise<void> {
    const executor = new Executor({
      commands: { send: (message, context) => this.#send(message, context) },
      effects: stripeHandlers(this.stripe),
      load: (decider, id) => this.aggregates.load(decider, id),
      clock: this.clock,
      managers,
      readEvent: async () => Promise.reject(new Error('not needed')),
    });
    const waiting: WaitingRow = { ...row, compensating: false, attempts: 0, wait_ms: 0 };
    await executor.execute(waiting, row.command!);
    this.#rows = this.#rows.filter(({ id }) => id !== row.id);
  }

  /** Delivers what Stripe has to tell, oldest first, or of it the types that are wanted; its webhooks are signed and received elsewhere. */
  async deliver(isWanted: (type: string) => boolean = () => true): Promise<void> {
    const accounts = this.events.flatMap(({ type, data }) =>
      type === 'PayoutAccountCreated' ? [(data as { accountId: string }).accountId] : [],
    );
    const fresh = [];
    for (const account of [undefined, ...accounts]) {
      for await (const { id, type, data } of this.harness.stripe.events.list(
        { limit: 100 },
        account === undefined ? {} : { stripeAccount: account },
      )) {
        if (this.#heard.has(id) || !isWanted(type)) continue;
        this.#heard.add(id);
        fresh.unshift({ id, type, objectId: (data.object as { id?: string }).id ?? id, account });
      }
    }
    for (const { id, type, objectId, account } of fresh) {
      const stripeEventRef = stripeEventIdOf(id);
      const notice = { stripeEventRef, stripeEventId: id, eventType: type, objectId, ...(account === undefined ? {} : { account }) };
      await this.send(command(receiveStripeEvent, notice), { role: 'external' });
    }
    await this.settle();
  }

  /** Moves the business clock, then carries out what is due. */
  async pass(milliseconds: number): Promise<void> {
    this.clock.advance(milliseconds);
    await this.settle();
  }

  /** Calls to Stripe that changed something, by method and path pattern: `POST /v1/refunds`. */
  async calls(path: string): Promise<readonly { idempotencyKey: string | null; status: number; replayed: boolean }[]> {
    return this.harness.control('GET', `requests?method=POST&path=${encodeURIComponent(path)}`);
  }

  async #send(message: CommandMessage, context: CommandContext): Promise<CommandResult> {
    const result = await this.aggregates.execute(message, context);
    for (const event of result.events) this.#happened(event);
    return result;
  }

  #happened(event: RecordedEvent): void {
    if (this.events.some(({ id }) => id === event.id)) return;
    this.events.push(event);
    this.#rows.push(...managers.flatMap((manager) => derive(manager, event)));
  }
}
