import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** Each secret and id of the embedded peers, and how it is minted. The shapes are those of the real services. */
const minted = {
  masterKey: () => randomBytes(32).toString('base64'),
  stripeSecretKey: () => `sk_test_${hex(24)}`,
  stripePublishableKey: () => `pk_test_${hex(24)}`,
  stripeWebhookSecret: () => `whsec_${hex(24)}`,
  stripeConnectWebhookSecret: () => `whsec_${hex(24)}`,
  awsAccessKeyId: () => `AKIA${randomBytes(10).toString('hex').slice(0, 16).toUpperCase()}`,
  awsSecretAccessKey: () => randomBytes(30).toString('base64url'),
  sesWebhookPassword: () => hex(16),
  cognitoUserPoolId: () => `eu-central-1_${hex(5).slice(0, 9)}`,
  cognitoClientId: () => hex(13),
  agoraAppId: () => hex(16),
  agoraAppCertificate: () => hex(16),
  agoraCustomerId: () => hex(16),
  agoraCustomerSecret: () => hex(16),
  agoraWebhookSecret: () => hex(16),
};

/** The secrets of one data folder. */
export type PeerSecrets = Record<keyof typeof minted, string>;

/** Reads the secrets of a data folder; those that are missing are minted and kept, readable to this user only. */
export function loadSecrets(file: string): PeerSecrets {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<PeerSecrets>) : {};
  const names = Object.keys(minted) as (keyof PeerSecrets)[];
  const secrets = Object.fromEntries(names.map((name) => [name, kept[name] ?? minted[name]()])) as PeerSecrets;
  if (names.some((name) => kept[name] === undefined)) {
    mkdirSync(dirname(file), { recursive: true });
    // Written aside and moved: a start that is killed here leaves either no file or a whole one.
    writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return secrets;
}
