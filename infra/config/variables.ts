import { z } from 'zod';
import { LEASE_TIMES } from '#infra/leases/lease.ts';

const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)),
      `must be a URL that starts with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
    );
const http = url('http', 'https');
const postgres = url('postgres', 'postgresql');
const port = z.coerce.number('must be a port').int().min(0).max(65_535);
const count = z.coerce.number('must be a whole number').int().min(0);
const hex32 = z.string().regex(/^[0-9a-f]{32}$/i, 'must be 32 hexadecimal digits');
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const keys = list.pipe(
  z
    .array(z.string().regex(/^[\w-]+:\S{32,}$/, 'must be service:secret pairs, each secret of 32 characters or more'))
    .transform((pairs) => pairs.map((pair) => ({ service: pair.slice(0, pair.indexOf(':')), secret: pair.slice(pair.indexOf(':') + 1) }))),
);

/** The parts of the system that one process can run. */
export const ROLES = ['command-api', 'query-api', 'projections', 'process-managers', 'realtime', 'internal'] as const;
export type ProcessRole = (typeof ROLES)[number];

/** One environment variable. `example` is what .env.example shows; a variable with a default or an optional schema may be left out. */
interface Variable<S extends z.ZodType = z.ZodType> {
  readonly about: string;
  readonly schema: S;
  readonly example: string;
}

const variable = <S extends z.ZodType>(about: string, schema: S, example: string): Variable<S> => ({ about, schema, example });

/** Every variable that the system reads, by group: the one place to look them up. .env.example is written from it. */
export const groups = {
  'The process': {
    NODE_ENV: variable(
      'production refuses stand-ins, INTERNAL_AUTH=none, a MASTER_KEY of zero bytes and the keys of this file, and needs PUBLIC_URL and INTERNAL_KEYS.',
      z.enum(['development', 'test', 'production']).default('development'),
      'production',
    ),
    ROLES: variable(
      `Parts to run, comma-separated: ${ROLES.join(', ')}. The flag --roles wins. Default: all.`,
      list.pipe(z.array(z.enum(ROLES)).min(1)).optional(),
      ROLES.join(','),
    ),
    LOG_LEVEL: variable(
      'trace, debug, info, warn, error or silent.',
      z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
      'info',
    ),
    LEASE_MS: variable(
      'Milliseconds after which the work of a process that died is taken over. Shorter is sooner, and stops work more often where the database is slow.',
      z.coerce.number('must be a whole number').int().min(500).max(60_000).default(LEASE_TIMES.lifetime),
      String(LEASE_TIMES.lifetime),
    ),
    EMBEDDED_IN_PRODUCTION: variable(
      'Stand-ins that may start although NODE_ENV=production, by name, comma-separated.',
      list.default([]),
      '',
    ),
  },
  HTTP: {
    PUBLIC_PORT: variable('Port of the public API, its documents and the WebSocket.', port.default(3000), '3000'),
    PUBLIC_HOST: variable('Address that the public API listens on.', z.string().default('0.0.0.0'), '0.0.0.0'),
    PUBLIC_URL: variable(
      'Where clients reach the public API: links in mails, the WebSocket address.',
      http.default('http://localhost:3000'),
      'https://api.example.com',
    ),
    INTERNAL_PORT: variable('Port of the internal API, /ready with details and /metrics.', port.default(3001), '3001'),
    INTERNAL_HOST: variable('Address that the internal API listens on; never a public one.', z.string().default('127.0.0.1'), '127.0.0.1'),
    INTERNAL_AUTH: variable(
      'signed: requests in SigV4 form; none: no check at all, for tests only.',
      z.enum(['signed', 'none']).default('signed'),
      'signed',
    ),
    INTERNAL_KEYS: variable(
      'Keys of the services that may call the internal API, as service:secret, comma-separated.',
      keys.default([]),
      'operations:change-me-to-32-random-characters',
    ),
    CORS_ORIGINS: variable(
      'Origins whose pages may call the public API, comma-separated.',
      list.pipe(z.array(http)).default([]),
      'https://app.example.com',
    ),
    TRUST_PROXY: variable(
      'Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated.',
      z.string().optional(),
      '10.0.0.0/8',
    ),
    BODY_LIMIT: variable('Bytes that the body of a request may have.', count.default(262_144), '262144'),
    RATE_LIMIT_PER_IP: variable('Requests per minute and address; 0: no limit.', count.default(1200), '1200'),
    RATE_LIMIT_PER_CALLER: variable('Requests per minute and user; 0: no limit.', count.default(600), '600'),
    RATE_LIMIT_STRICT: variable('The same at each endpoint that invites guessing or spam; 0: no limit.', count.default(20), '20'),
  },
  Stores: {
    EVENTSTORE_URL: variable(
      'EventStoreDB, as its clients take it.',
      url('esdb', 'esdb+discover', 'kurrentdb', 'kurrentdb+discover'),
      'esdb://eventstore:2113?tls=false',
    ),
    DATABASE_URL: variable(
      'Postgres database of the read models and engines; it may be dropped and is rebuilt.',
      postgres,
      'postgres://chalkstream:chalkstream@postgres:5432/chalkstream',
    ),
    VAULT_DATABASE_URL: variable(
      'Postgres database of the keys of personal data; it must never be lost.',
      postgres,
      'postgres://chalkstream:chalkstream@postgres:5432/vault',
    ),
    MASTER_KEY: variable(
      'Wraps the keys in the vault and mints mail tokens: 32 bytes in base64, as `openssl rand -base64 32` prints them.',
      z
        .base64('must be base64')
        .refine((value) => Buffer.from(value, 'base64').length === 32, 'must be 32 bytes in base64')
        .transform((value) => Buffer.from(value, 'base64')),
      '',
    ),
    REDIS_URL: variable(
      'Redis, to share frames, presence and rate limits between several nodes. Without it: one node.',
      url('redis', 'rediss').optional(),
      'redis://redis:6379',
    ),
    OPENSEARCH_URL: variable('OpenSearch, for the tutor search. Without it Postgres searches.', http.optional(), 'http://opensearch:9200'),
  },
  Stripe: {
    STRIPE_API_BASE: variable('Another Stripe: the stand-in. Leave it out for the real one.', http.optional(), ''),
    STRIPE_SECRET_KEY: variable('Secret key of the platform.', z.string().startsWith('sk_', 'must start with sk_'), 'sk_test_change_me'),
    STRIPE_PUBLISHABLE_KEY: variable(
      'Key that clients pay with.',
      z.string().startsWith('pk_', 'must start with pk_'),
      'pk_test_change_me',
    ),
    STRIPE_WEBHOOK_SECRET: variable(
      'Signs the events of the platform.',
      z.string().startsWith('whsec_', 'must start with whsec_'),
      'whsec_change_me',
    ),
    STRIPE_CONNECT_WEBHOOK_SECRET: variable(
      'Signs the events of connected accounts.',
      z.string().startsWith('whsec_', 'must start with whsec_'),
      'whsec_change_me_too',
    ),
  },
  AWS: {
    AWS_REGION: variable('Region of SES, S3 and Cognito.', z.string().min(1), 'eu-west-1'),
    AWS_ACCESS_KEY_ID: variable('Leave it out where the machine has a role.', z.string().min(1).optional(), ''),
    AWS_SECRET_ACCESS_KEY: variable('Leave it out where the machine has a role.', z.string().min(1).optional(), ''),
    AWS_ENDPOINT_SES: variable('Another SES: the stand-in.', http.optional(), ''),
    AWS_ENDPOINT_S3: variable('Another S3: the stand-in.', http.optional(), ''),
    AWS_ENDPOINT_COGNITO: variable('Another Cognito: the stand-in.', http.optional(), ''),
    COGNITO_USER_POOL_ID: variable('User pool of all accounts.', z.string().min(1), 'eu-west-1_ABCDEFGHI'),
    COGNITO_CLIENT_ID: variable('Its app client; access tokens are for it.', z.string().min(1), 'change-me'),
    COGNITO_ISSUER: variable('Issuer in access tokens.', http, 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_ABCDEFGHI'),
    COGNITO_JWKS_URL: variable(
      'Where the keys of access tokens are.',
      http,
      'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_ABCDEFGHI/.well-known/jwks.json',
    ),
    S3_BUCKET: variable('Bucket of documents, lesson files and recordings.', z.string().min(3), 'chalkstream-files'),
    SES_FROM: variable('Sender of all mail.', z.string().includes('@', 'must be an address'), 'Chalkstream <hello@example.com>'),
    SES_WEBHOOK_USER: variable('User name of the notifications of bounces and complaints.', z.string().min(1), 'ses'),
    SES_WEBHOOK_PASSWORD: variable('Their password, 16 characters or more.', z.string().min(16), 'change-me-to-something-long'),
  },
  Agora: {
    AGORA_APP_ID: variable('App id of the project.', hex32, '00000000000000000000000000000000'),
    AGORA_APP_CERTIFICATE: variable('Mints the tokens of rooms and chats.', hex32, '00000000000000000000000000000000'),
    AGORA_REST_URL: variable('Another recording service: the stand-in.', http.optional(), ''),
    AGORA_CUSTOMER_ID: variable('Of the RESTful API. Without it nothing is recorded.', z.string().min(1).optional(), 'change-me'),
    AGORA_CUSTOMER_SECRET: variable('Of the RESTful API.', z.string().min(1).optional(), 'change-me'),
    AGORA_WEBHOOK_SECRET: variable(
      'Signs the notifications of who joined and left. Without it they are refused.',
      z.string().min(1).optional(),
      'change-me',
    ),
    AGORA_S3_ACCESS_KEY_ID: variable(
      'Key that may only write recordings; Agora takes no roles.',
      z.string().min(1).optional(),
      'change-me',
    ),
    AGORA_S3_SECRET_ACCESS_KEY: variable('Its secret.', z.string().min(1).optional(), 'change-me'),
  },
} as const satisfies Record<string, Record<string, Variable>>;

type Union<T> = T extends unknown ? (value: T) => void : never;
type Merged<T> = Union<T> extends (value: infer M) => void ? M : never;
/** Every variable by its name. */
export type Variables = Merged<(typeof groups)[keyof typeof groups]>;
/** What a name's schema gives. */
export type Values = { readonly [N in keyof Variables]: Variables[N] extends Variable<infer S> ? z.output<S> : never };

export const variables: Readonly<Record<string, Variable>> = Object.assign({}, ...Object.values(groups));
