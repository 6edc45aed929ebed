import { setTimeout as wait } from 'node:timers/promises';
import type { Operator } from '#app/demo/operator.ts';
import type { EmbeddedAddresses } from '#app/embedded/embedded.ts';
import { deciders } from '#domain/deciders.ts';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import type { StoredEvent } from '#infra/event-store/reading.ts';
import { operations } from '#infra/operations/operations.ts';
import { OperationsRecord } from '#infra/operations/record.ts';
import { Database } from '#infra/postgres/database.ts';
import { ActNotPossible, OutboxOperations, ReactionActs } from '#infra/process-managers/operations.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { ledger, type LedgerRow } from '#projections/payments/ledger.ts';
import { readModels } from '#projections/read-models.ts';
import { columnsOf, viewOf } from '#query-api/rows.ts';

const PATIENCE_MS = 60_000;
const PREFIXES = deciders.map(({ aggregateType }) => `${aggregateType}-`);

/** A mail as the mail service has it. */
export interface SentMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** An object at Stripe. */
export interface StripeObject {
  readonly id: string;
  readonly status?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** In minor units. */
  readonly amount?: number;
  /** Of a charge or a refund: its PaymentIntent. */
  readonly payment_intent?: string;
}

/** A reaction that waits for its time. */
export interface Timer {
  readonly manager: string;
  readonly eventId: string;
  readonly index: number;
  readonly due: string;
}

/** What a running system and the services around it have on record, read past its API. */
export class Evidence {
  readonly #database: Database;
  readonly #eventStore: EventStoreClient;

  constructor(
    private readonly addresses: EmbeddedAddresses,
    private readonly operator: Operator,
  ) {
    this.#database = new Database(addresses.databaseUrl);
    this.#eventStore = new EventStoreClient({ connectionString: addresses.eventStoreUrl });
  }

  async close(): Promise<void> {
    await Promise.all([this.#database.close(), this.#eventStore.close()]);
  }

  /** Resolves when every consumer has taken in the whole log and nothing that is due waits; throws what is left when that takes longer. */
  async settled(patienceMs = PATIENCE_MS): Promise<void> {
    const consumers = await this.#consumers();
    for (const deadline = Date.now() + patienceMs; ; await wait(50)) {
      const head = await this.#eventStore.head();
      const behind = (await this.#consumers()).filter(({ position }) => BigInt(position) < head).map(({ consumer }) => consumer);
      const waiting = await this.#database.query<{ manager: string; command_type: string; last_error: string | null }>(
        `select manager, command_type, last_error from engine.outbox where state = 'pending' and (due is null or due <= $1)`,
        [await this.operator.now()],
      );
      // What was carried out meanwhile may have added to the log.
      if (behind.length + waiting.length === 0 && (await this.#eventStore.head()) === head) return;
      if (Date.now() > deadline) throw new Error(`Still at work: ${JSON.stringify({ behind, waiting, consumers: consumers.length })}`);
    }
  }

  /** Reactions that were given up. */
  parked(): Promise<{ manager: string; command_type: string; last_error: string | null }[]> {
    return this.#database.query(`select manager, command_type, last_error from engine.outbox where state = 'parked'`);
  }

  /** Events that a read model could not take. */
  deadLetters(): Promise<{ consumer: string; key: string; error: string | null }[]> {
    return this.#database.query('select consumer, key, error from engine.dead_letters');
  }

  /** Has every reaction that failed tried again at once, as an operator does when what stood in the way is gone; how many there were. */
  async retryWhatFailed(): Promise<number> {
    const acts = new ReactionActs({ database: this.#database, record: this.#record(), subjectOf: () => Promise.resolve(undefined) });
    const failed = (await new OutboxOperations(this.#database).troubled(10_000)).filter(({ state }) => state === 'pending');
    for (const { id } of failed) {
      await acts.retry(id, { who: 'spec', why: 'the trouble is over' }).catch((error: unknown) => {
        // It has ended meanwhile.
        if (!(error instanceof ActNotPossible)) throw error;
      });
    }
    return failed.length;
  }

  /** What operators ask for, straight into the log: it takes no server that answers. */
  #record(): OperationsRecord {
    const deciders = [operations as unknown as AnyDecider];
    const vault = new InMemoryVault();
    const codec = new Codec({ deciders, vault });
    return new OperationsRecord(
      new Aggregates({ deciders, factProviders: [], client: this.#eventStore, codec, vault, clock: new SystemClock() }),
    );
  }

  /** Reactions whose time has not come. */
  timers(): Promise<Timer[]> {
    return this.#database.query<Timer>(
      `select manager, event_id as "eventId", index, due from engine.outbox where state = 'pending' and due is not null
       order by manager, event_id, index`,
    );
  }

  /** Times that are held for a booking which may still be paid. */
  heldSlots(): Promise<{ booking_id: string }[]> {
    return this.#database.query('select booking_id from lessons.tutor_slots where held_until is not null');
  }

  /** Every row of every read model. */
  async rows(): Promise<Readonly<Record<string, readonly object[]>>> {
    const tables = readModels.map(consumerOf);
    return Object.fromEntries(
      await Promise.all(tables.map(async (table) => [table, await this.#database.query(`select * from ${table} order by key`)] as const)),
    );
  }

  /** The money of every booking. */
  ledger(): Promise<LedgerRow[]> {
    return this.#database.query<LedgerRow>(`select ${columnsOf(ledger)} from ${viewOf(ledger)}`);
  }

  /** Every event of ours, oldest first. */
  async events(): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    await this.#eventStore.lookBack(1_000_000, (event) => {
      if (PREFIXES.some((prefix) => event.streamId.startsWith(prefix))) events.push(event);
      return true;
    });
    return events.toReversed();
  }

  async mails(): Promise<readonly SentMail[]> {
    return (await (await fetch(this.addresses.outboxUrl)).json()) as readonly SentMail[];
  }

  /** The objects of a kind at Stripe: `customer`, `charge`, `transfer` ... */
  stripeObjects(kind: string): Promise<readonly StripeObject[]> {
    return this.operator.stripe('GET', `objects/${kind}`);
  }

  /** How Stripe's webhooks fared. */
  webhooks(): Promise<readonly { readonly type: string; readonly attempts: number; readonly delivered: boolean }[]> {
    return this.operator.stripe('GET', 'webhooks');
  }

  /** Every request that Stripe has had. */
  stripeRequests(): Promise<readonly object[]> {
    return this.operator.stripe('GET', 'requests');
  }

  #consumers(): Promise<{ consumer: string; position: string }[]> {
    return this.#database.query('select consumer, position::text as position from engine.checkpoints');
  }
}
