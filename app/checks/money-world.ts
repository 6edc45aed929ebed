import { deciders } from '#domain/deciders.ts';
import { factProviders } from '#domain/facts.ts';
import { command, SYSTEM, type Actor, type CommandMessage } from '#domain/kernel/command.ts';
import type { DomainEvent, RecordedEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { followUpId, streamOf } from '#domain/kernel/ids.ts';
import type { Instant } from '#domain/kernel/time.ts';
import { receiveStripeEvent, stripeEventIdOf } from '#domain/payments/stripe-event.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { startStripeHarness } from '#infra/embedded/stripe/harness.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { Codec } from '#infra/event-store/codec.ts';
import type { Database } from '#infra/postgres/database.ts';
import { handleEffect, type EffectHandler } from '#infra/process-managers/effect.ts';
import { ProcessManagerEngine } from '#infra/process-managers/engine.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { Deeds, type NameOfDeed } from '#infra/verify/deeds.ts';
import { Dead, Life } from '#infra/verify/life.ts';
import { MemoryStore } from '#infra/verify/memory-store.ts';
import { finishes, LEASE_TIMES } from '#infra/verify/process.ts';
import { StoryClock } from '#infra/verify/story-clock.ts';
import { effectDefinitions } from '#process-managers/effects/effects.ts';
import { stripeHandlers } from '#process-managers/effects/stripe-handlers.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { ledger, type LedgerRow } from '#projections/payments/ledger.ts';

type StripeHarness = Awaited<ReturnType<typeof startStripeHarness>>;

export interface MoneyWorldParts {
  /** A fresh one. */
  readonly database: Database;
  readonly harness: StripeHarness;
  /** Stands between the effects and Stripe; without it they call it as the product does. */
  readonly between?: (stripe: StripePayments) => StripePayments;
}

/** The money of one booking, in minor units. */
interface Money {
  readonly bookingId: string;
  readonly charged: number;
  readonly refunded: number;
  readonly withTutor: number;
}

export interface Ending {
  /** What happened, by stream. */
  readonly streams: Readonly<Record<string, readonly string[]>>;
  /** Which effects arrived outside beside Stripe, once for each cause. */
  readonly noted: readonly string[];
  /** The money as our ledger has it, and as Stripe has it. */
  readonly ledger: readonly Money[];
  readonly atStripe: readonly Money[];
}

/** The same whichever idempotency key, the last argument, it is called with. */
const whatIsDoneAtStripe: NameOfDeed = (method, args) =>
  /^(create|cancel)/.test(method) ? JSON.stringify([method, ...args.slice(0, -1)]) : undefined;
/** Every event has an id of its own. */
const whatIsAppended: NameOfDeed = (method, [, events]) => (method === 'append' ? (events as readonly { id: string }[])[0]?.id : undefined);
const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
const withoutStripeIds = (told: readonly unknown[]): string => JSON.stringify(told).replaceAll(/\b([a-z]{2,5})_[A-Za-z0-9]{14,}/g, '$1_');

/**
 * All aggregates, all process managers and the effects at Stripe at work, over a real Postgres and a Stripe that speaks its protocol. People act
 * from outside; what follows is carried out by processes that die of everything they do for the first time: at Stripe, in the event store, or by
 * an effect that moves no money, which is only noted.
 */
export class MoneyWorld {
  readonly clock = new StoryClock(MONDAY_NOON);
  /** Whether processes die of what they do. */
  dying = false;
  /** What has arrived outside beside Stripe: effect and cause. */
  readonly noted = new Set<string>();
  readonly #vault = new InMemoryVault();
  readonly #codec = new Codec({ deciders, vault: this.#vault });
  readonly #store = new MemoryStore(this.#codec);
  readonly #people = this.#aggregates(this.#store);
  readonly #stripe: StripePayments;
  readonly #heard = new Set<string>();
  readonly #deeds = new Deeds();
  #acts = 0;

  constructor(private readonly parts: MoneyWorldParts) {
    const { secrets, address } = parts.harness;
    const stripe = new StripePayments({ secretKey: secrets.secretKey, apiBase: address });
    this.#stripe = parts.between?.(stripe) ?? stripe;
  }

  get events(): readonly RecordedEvent[] {
    return this.#store.log.events;
  }

  /** Writes what happened elsewhere. */
  async given(aggregateType: string, aggregateId: string, ...events: readonly DomainEvent[]): Promise<void> {
    const cause = this.#nextId();
    const encoded = await Promise.all(
      events.map((event, nth) =>
        this.#codec.encode(followUpId('given', cause, String(nth)), event, {
          eventVersion: this.#codec.versionOf(event.type),
          aggregateType,
          aggregateId,
          timestamp: this.clock.now(),
          source: 'spec',
          commandId: cause,
          commandType: 'Spec',
          correlationId: cause,
          causationId: cause,
          role: 'system',
        }),
      ),
    );
    const stored = encoded.map((event) => event.stored);
    await this.#store.append(streamOf(aggregateType, aggregateId), stored, 'any');
  }

  /** Somebody does something; then everything follows that has to, what Stripe tells of included. */
  async does(message: CommandMessage, by: Actor = SYSTEM): Promise<void> {
    const commandId = this.#nextId();
    await this.#people.execute(message, { commandId, correlationId: commandId, causationId: commandId, source: 'spec', by });
    await this.settles();
  }

  /** The clock moves; then everything follows that has become due. */
  async waitsUntil(instant: Instant): Promise<void> {
    this.clock.moveTo(instant);
    await this.settles();
  }

  /** Lets everything follow. Stripe tells of each thing twice, the last first. */
  async settles(): Promise<void> {
    do await this.#follow();
    while (await this.#hearStripe());
  }

  load: Aggregates['load'] = (decider, id) => this.#people.load(decider, id);

  /** How it ended, in a form that is the same whenever the same has happened: ids that Stripe makes up are left out. */
  async ending(): Promise<Ending> {
    const streams = Map.groupBy(this.events, ({ stream, aggregateType }) => (aggregateType === 'StripeEvent' ? aggregateType : stream));
    const told = ({ type, data, aggregateType }: RecordedEvent) =>
      withoutStripeIds(aggregateType === 'StripeEvent' ? [type] : [type, data]);
    return {
      streams: Object.fromEntries(
        [...streams].map(([stream, events]) => [stream, stream === 'StripeEvent' ? events.map(told).toSorted() : events.map(told)]),
      ),
      noted: [...this.noted].map((note) => note.split(' ')[0]!).toSorted(),
      ledger: [...this.#ledger().values()].map(({ bookingId, chargedMinor, refundedMinor, paidOutMinor, reversedMinor }) => ({
        bookingId,
        charged: chargedMinor,
        refunded: refundedMinor,
        withTutor: paidOutMinor - reversedMinor,
      })),
      atStripe: await this.#atStripe(),
    };
  }

  /** The ledger as its read model has it. */
  #ledger(): ReadonlyMap<string, LedgerRow> {
    return new Map(Object.entries(rowsAfter(ledger, ...this.events)));
  }

  /** The same sums as Stripe has them. */
  async #atStripe(): Promise<readonly Money[]> {
    const all = <T>(kind: string) => this.parts.harness.control<T[]>('GET', `objects/${kind}`);
    const intents = await all<{ id: string; amount_received: number; metadata: { paymentId?: string } }>('payment_intent');
    const refunds = await all<{ payment_intent: string; amount: number; status: string }>('refund');
    const transfers = await all<{ transfer_group: string; amount: number; amount_reversed: number }>('transfer');
    return [...this.#ledger().values()].map(({ bookingId, paymentId }) => {
      const ours = intents.filter(({ metadata }) => metadata.paymentId === paymentId);
      const ids = new Set(ours.map(({ id }) => id));
      return {
        bookingId,
        charged: sum(ours.map(({ amount_received: received }) => received)),
        refunded: sum(
          refunds.filter((refund) => ids.has(refund.payment_intent) && refund.status === 'succeeded').map(({ amount }) => amount),
        ),
        withTutor: sum(
          transfers.filter(({ transfer_group: group }) => group === bookingId).map(({ amount, amount_reversed: back }) => amount - back),
        ),
      };
    });
  }

  async #follow(): Promise<void> {
    if (!this.dying) {
      await this.#live(new Life(), 16);
      return;
    }
    await this.#deeds.dieOfEach(async (life) => {
      const end = await this.#live(life, 1);
      this.#mustAddUp();
      return end;
    });
  }

  #live(life: Life, concurrency: number): Promise<'finished' | 'died'> {
    const { database } = this.parts;
    const { log } = this.#store;
    const errors: unknown[] = [];
    const aggregates = this.#aggregates(this.#port(life, this.#store, whatIsAppended));
    const engine = new ProcessManagerEngine({
      database: life.database(database),
      managers: processManagers,
      openFeed: log.feeds(),
      clock: this.clock,
      concurrency,
      commands: { send: (message, context) => aggregates.execute(message, context) },
      effects: this.#effects(life),
      load: (decider, id) => aggregates.load(decider, id),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: (error) => {
        if (!(error instanceof Dead)) errors.push(error);
      },
      leaseTimes: LEASE_TIMES,
      pollMs: 600_000,
    });
    engine.start();
    const isDone = async (): Promise<boolean> => {
      if (errors.length > 0) throw errors[0];
      const { head } = log;
      const [left] = await database.query<{ rows: number; there: number; failed: string | null }>(
        `select (select count(*) from engine.outbox where state = 'pending' and (due is null or due <= $1)) as rows,
           (select count(*) from engine.checkpoints where position >= $2) as there,
           (select manager || ' ' || command_type || ': ' || last_error from engine.outbox where last_error is not null limit 1) as failed`,
        [this.clock.now(), String(head)],
      );
      if (left!.failed !== null) throw new Error(left!.failed);
      return left!.rows === 0 && left!.there === processManagers.length && head === log.head;
    };
    return finishes({ life, database, isDone, stop: () => engine.stop() });
  }

  #aggregates(client: MemoryStore): Aggregates {
    return new Aggregates({ deciders, factProviders, client, codec: this.#codec, vault: this.#vault, clock: this.clock });
  }

  #effects(life: Life): readonly EffectHandler[] {
    const atStripe = stripeHandlers(this.#port(life, this.#stripe, whatIsDoneAtStripe));
    const moving = new Set(atStripe.map(({ definition }) => definition.type));
    const others = effectDefinitions.filter(({ type }) => !moving.has(type));
    const elsewhere = this.#port(life, { note: async (cause: string) => void this.noted.add(cause) }, (_, [cause]) => String(cause));
    return [...atStripe, ...others.map((each) => handleEffect(each, (_, { cause }) => elsewhere.note(`${each.type} ${cause.id}`)))];
  }

  #port<T extends object>(life: Life, port: T, nameOf: NameOfDeed): T {
    return this.dying ? this.#deeds.port(life, port, nameOf) : life.port(port);
  }

  /** Whether Stripe had anything new to tell. */
  async #hearStripe(): Promise<boolean> {
    const { stripe } = this.parts.harness;
    const accounts = this.events.flatMap(({ type, data }) =>
      type === 'PayoutAccountCreated' ? [(data as { accountId: string }).accountId] : [],
    );
    const fresh: { id: string; type: string; objectId: string; account: string | undefined }[] = [];
    for (const account of [undefined, ...accounts]) {
      for await (const { id, type, data } of stripe.events.list({ limit: 100 }, account === undefined ? {} : { stripeAccount: account })) {
        if (this.#heard.has(id)) continue;
        this.#heard.add(id);
        fresh.push({ id, type, objectId: (data.object as { id?: string }).id ?? id, account });
      }
    }
    for (const { id, type, objectId, account } of [...fresh, ...fresh]) {
      const commandId = this.#nextId();
      const notice = { stripeEventRef: stripeEventIdOf(id), stripeEventId: id, eventType: type, objectId };
      await this.#people.execute(command(receiveStripeEvent, { ...notice, ...(account === undefined ? {} : { account }) }), {
        commandId,
        correlationId: commandId,
        causationId: commandId,
        source: 'spec',
        by: { role: 'external' },
      });
    }
    return fresh.length > 0;
  }

  /** At every moment every cent belongs to somebody. */
  #mustAddUp(): void {
    for (const [bookingId, { chargedMinor, returnedMinor, chargedBackMinor, commissionMinor, tutorShareMinor }] of this.#ledger()) {
      const difference = chargedMinor - returnedMinor - chargedBackMinor - commissionMinor - tutorShareMinor;
      if (difference !== 0) throw new Error(`${difference} of the money of booking ${bookingId} belong to nobody.`);
    }
  }

  #nextId(): string {
    return followUpId('act', String(++this.#acts));
  }
}
