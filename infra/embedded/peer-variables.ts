import { LOOPBACK } from './loopback.ts';
import type { PeerSecrets } from './secrets.ts';
import type { StandInName, StandInPorts } from './stand-ins/names.ts';

/** Where the embedded peers listen and the secrets that they share with the system. */
export interface PeerFacts {
  secrets: PeerSecrets;
  eventStore: string | undefined;
  readModels: string | undefined;
  vault: string | undefined;
  ports: Partial<StandInPorts>;
}

const AWS_REGION = 'eu-central-1';
export const S3_BUCKET = 'chalkstream-files';

/** The configuration variables of the system for these peers: the same that name the real services in production. */
export function peerVariables({ secrets, eventStore, readModels, vault, ports }: PeerFacts): Record<string, string> {
  const base = (name: StandInName): string | undefined => (ports[name] === undefined ? undefined : `http://${LOOPBACK}:${ports[name]}`);
  const variables: Record<string, string | undefined> = {
    EVENTSTORE_URL: eventStore,
    DATABASE_URL: readModels,
    VAULT_DATABASE_URL: vault,
    MASTER_KEY: secrets.masterKey,
    STRIPE_API_BASE: base('stripe'),
    STRIPE_SECRET_KEY: secrets.stripeSecretKey,
    STRIPE_PUBLISHABLE_KEY: secrets.stripePublishableKey,
    STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
    STRIPE_CONNECT_WEBHOOK_SECRET: secrets.stripeConnectWebhookSecret,
    AWS_REGION,
  };
  return Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
