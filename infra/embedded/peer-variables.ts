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

export const AWS_REGION = 'eu-central-1';
export const S3_BUCKET = 'chalkstream-files';
/** The one address that the embedded mail service lets send. */
export const SES_FROM = 'Chalkstream <hello@chalkstream.example>';
export const SES_WEBHOOK_USER = 'ses';

/** The configuration variables of the system for these peers: the same that name the real services in production. */
export function peerVariables({ secrets, eventStore, readModels, vault, ports }: PeerFacts): Record<string, string> {
  const base = (name: StandInName): string | undefined => (ports[name] === undefined ? undefined : `http://${LOOPBACK}:${ports[name]}`);
  const pool = base('cognito');
  const issuer = pool === undefined ? undefined : `${pool}/${secrets.cognitoUserPoolId}`;
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
    AWS_ACCESS_KEY_ID: secrets.awsAccessKeyId,
    AWS_SECRET_ACCESS_KEY: secrets.awsSecretAccessKey,
    AWS_ENDPOINT_SES: base('ses'),
    AWS_ENDPOINT_S3: base('s3'),
    AWS_ENDPOINT_COGNITO: base('cognito'),
    SES_FROM,
    SES_WEBHOOK_USER,
    SES_WEBHOOK_PASSWORD: secrets.sesWebhookPassword,
    S3_BUCKET,
    COGNITO_USER_POOL_ID: secrets.cognitoUserPoolId,
    COGNITO_CLIENT_ID: secrets.cognitoClientId,
    COGNITO_ISSUER: issuer,
    COGNITO_JWKS_URL: issuer === undefined ? undefined : `${issuer}/.well-known/jwks.json`,
    AGORA_APP_ID: secrets.agoraAppId,
    AGORA_APP_CERTIFICATE: secrets.agoraAppCertificate,
    AGORA_REST_URL: base('agora'),
    AGORA_CUSTOMER_ID: secrets.agoraCustomerId,
    AGORA_CUSTOMER_SECRET: secrets.agoraCustomerSecret,
    AGORA_WEBHOOK_SECRET: secrets.agoraWebhookSecret,
    // Agora writes recordings with a key of its own in production; the embedded S3 knows one key.
    AGORA_S3_ACCESS_KEY_ID: secrets.awsAccessKeyId,
    AGORA_S3_SECRET_ACCESS_KEY: secrets.awsSecretAccessKey,
  };
  return Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
