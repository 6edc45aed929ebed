import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { deciders } from '#domain/deciders.ts';
import { factProviders } from '#domain/facts.ts';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import { AgoraRooms } from '#infra/adapters/agora/rooms.ts';
import { AgoraTokens } from '#infra/adapters/agora/tokens.ts';
import { UserPool } from '#infra/adapters/cognito/user-pool.ts';
import { FileStore } from '#infra/adapters/s3/file-store.ts';
import { Mailer } from '#infra/adapters/ses/mailer.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { Config } from '#infra/config/config.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { operations } from '#infra/operations/operations.ts';
import { OperationsRecord } from '#infra/operations/record.ts';
import { Database } from '#infra/postgres/database.ts';
import { migrate } from '#infra/postgres/migrations.ts';
import { feedsFrom, type OpenFeed } from '#infra/subscriptions/open-feed.ts';
import type { Clock } from '#infra/time/clock.ts';
import { PostgresVault } from '#infra/vault/postgres-vault.ts';

/** The vendors' services, each behind its thin client. */
export interface Adapters {
  readonly stripe: StripePayments;
  readonly mailer: Mailer;
  readonly files: FileStore;
  readonly userPool: UserPool;
  readonly rooms: AgoraRooms | undefined;
  readonly roomTokens: AgoraTokens;
}

/** What every role of a process stands on. */
export interface Foundation {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly database: Database;
  readonly vault: PostgresVault;
  readonly eventStore: EventStoreClient;
  readonly codec: Codec;
  readonly aggregates: Aggregates;
  readonly adapters: Adapters;
  readonly openFeed: OpenFeed;
  /** What operators ask of the engines. */
  readonly record: OperationsRecord;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** Connects to the stores and brings their schemas up to date. Throws what the stores say when one is not there. */
export async function layFoundation(parts: { config: Config; log: Logger; clock: Clock }): Promise<Foundation> {
  const { config, log, clock } = parts;
  await migrate(config.databaseUrl);
  const database = new Database(config.databaseUrl, { applicationName: `chalkstream-${randomUUID().slice(0, 8)}` });
  const vaultDatabase = new Database(config.vaultDatabaseUrl, { max: 5 });
  const vault = new PostgresVault(vaultDatabase, config.masterKey);
  await vault.prepare();
  const eventStore = new EventStoreClient({ connectionString: config.eventStoreUrl });
  const all = [...deciders, operations as unknown as AnyDecider];
  const codec = new Codec({ deciders: all, vault });
  const aggregates = new Aggregates({
    deciders: all,
    factProviders,
    client: eventStore,
    codec,
    vault,
    clock,
    options: { onSnapshotFailure: (error, stream) => log.warn({ err: error, stream }, 'a snapshot could not be stored or opened') },
  });
  return {
    ...parts,
    database,
    vault,
    eventStore,
    codec,
    aggregates,
    record: new OperationsRecord(aggregates),
    adapters: adaptersOf(config),
    openFeed: feedsFrom({ client: eventStore, codec, onTrouble: (error) => log.warn({ err: error }, 'a feed was interrupted') }),
    close: async () => {
      await eventStore.close();
      await Promise.all([database.close(), vaultDatabase.close()]);
    },
  };
}

function adaptersOf({ stripe, aws, cognito, mail, agora }: Config): Adapters {
  const { region, credentials, endpoints } = aws;
  return {
    stripe: new StripePayments({ secretKey: stripe.secretKey, apiBase: stripe.apiBase }),
    mailer: new Mailer({ region, credentials, endpoint: endpoints.ses, from: mail.from }),
    files: new FileStore({ region, credentials, endpoint: endpoints.s3, bucket: aws.bucket }),
    userPool: new UserPool({
      region,
      credentials,
      endpoint: endpoints.cognito,
      userPoolId: cognito.userPoolId,
      clientId: cognito.clientId,
    }),
    rooms:
      agora.customer === undefined ? undefined : new AgoraRooms({ appId: agora.appId, customer: agora.customer, restUrl: agora.restUrl }),
    roomTokens: new AgoraTokens({ appId: agora.appId, appCertificate: agora.appCertificate }),
  };
}
