import { parseArgs } from 'node:util';
import { z } from 'zod';
import { leaseTimesOf } from '#infra/leases/lease.ts';
import { ROLES, variables, type ProcessRole, type Values } from './variables.ts';

/** The configuration of one process, parsed once at its start. */
export type Config = ReturnType<typeof configOf>;

/** Everything that is wrong with the configuration, one line for each variable. Values are not repeated: they may be secrets. */
export class WrongConfiguration extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration is not complete:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\nEvery variable is explained in .env.example.`,
    );
    this.name = 'WrongConfiguration';
  }
}

/**
 * Reads the configuration from the environment and the command line (`--roles projections,realtime`).
 * An empty variable counts as absent. Throws {@link WrongConfiguration} that names every wrong or missing value.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>, args: readonly string[] = []): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { schema, about }] of Object.entries(variables)) {
    const given = environment[name];
    const result = schema.safeParse(given === '' ? undefined : given);
    if (result.success) values[name] = result.data;
    else if (given === undefined || given === '') problems.push(`${name} is missing. ${about}`);
    else problems.push(`${name} ${[...new Set(result.error.issues.map((issue) => issue.message))].join('; ')}.`);
  }
  const roles = rolesFrom(args, problems);
  problems.push(...contradictions(values as Partial<Values>), ...unfitForProduction(values as Partial<Values>, environment, roles));
  if (problems.length > 0) throw new WrongConfiguration(problems);
  return configOf(values as Values, roles);
}

function rolesFrom(args: readonly string[], problems: string[]): readonly ProcessRole[] | undefined {
  const { roles } = parseArgs({ args: [...args], options: { roles: { type: 'string' } }, strict: false }).values;
  if (typeof roles !== 'string') return undefined;
  const parsed = z
    .array(z.enum(ROLES))
    .min(1)
    .safeParse(roles.split(',').map((role) => role.trim()));
  if (parsed.success) return parsed.data;
  problems.push(`--roles must be some of ${ROLES.join(', ')}.`);
  return undefined;
}

/** Values that are right each for itself and wrong together. */
function contradictions(values: Partial<Values>): string[] {
  const found: string[] = [];
  if ((values.AWS_ACCESS_KEY_ID === undefined) !== (values.AWS_SECRET_ACCESS_KEY === undefined))
    found.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together.');
  if ((values.AGORA_CUSTOMER_ID === undefined) !== (values.AGORA_CUSTOMER_SECRET === undefined))
    found.push('AGORA_CUSTOMER_ID and AGORA_CUSTOMER_SECRET go together.');
  if (values.DATABASE_URL !== undefined && values.DATABASE_URL === values.VAULT_DATABASE_URL)
    found.push('VAULT_DATABASE_URL must be another database than DATABASE_URL: that one may be dropped, the vault may not.');
  return found;
}

/** The parts that hand PUBLIC_URL out: in answers, in documents, in mails. */
const GIVE_PUBLIC_URL: readonly ProcessRole[] = ['command-api', 'query-api', 'realtime', 'process-managers'];

/** Is in every example of a key or password in .env.example: whoever leaves one in shares it with everybody. */
const PLACEHOLDER = /change[-_]me/;

/** What does on one machine and not in production: a key that everybody knows, links to localhost, an internal API that lets nobody in. */
function unfitForProduction(
  values: Partial<Values>,
  environment: Readonly<Record<string, string | undefined>>,
  given: readonly ProcessRole[] | undefined,
): string[] {
  if (values.NODE_ENV !== 'production') return [];
  const found: string[] = [];
  const roles = rolesOf(values, given);
  for (const name of Object.keys(variables))
    if (PLACEHOLDER.test(environment[name] ?? ''))
      found.push(`${name} still has the value of .env.example: refused with NODE_ENV=production.`);
  if (values.INTERNAL_AUTH === 'none') found.push('INTERNAL_AUTH none is refused with NODE_ENV=production.');
  if (values.MASTER_KEY?.every((byte) => byte === 0) === true)
    found.push('MASTER_KEY is 32 zero bytes, which everybody can guess: refused with NODE_ENV=production.');
  if ((environment['PUBLIC_URL'] ?? '') === '' && GIVE_PUBLIC_URL.some((role) => roles.has(role)))
    found.push(`PUBLIC_URL is missing; with NODE_ENV=production it has no default. ${variables['PUBLIC_URL']?.about}`);
  if (values.INTERNAL_KEYS?.length === 0 && roles.has('internal'))
    found.push(
      `INTERNAL_KEYS is missing; with NODE_ENV=production nobody could call the internal API. ${variables['INTERNAL_KEYS']?.about}`,
    );
  return found;
}

const rolesOf = (values: Partial<Values>, given: readonly ProcessRole[] | undefined): ReadonlySet<ProcessRole> =>
  new Set(given ?? values.ROLES ?? ROLES);

function configOf(values: Values, roles: readonly ProcessRole[] | undefined) {
  return {
    production: values.NODE_ENV === 'production',
    roles: rolesOf(values, roles),
    log: { level: values.LOG_LEVEL },
    publicHttp: {
      port: values.PUBLIC_PORT,
      host: values.PUBLIC_HOST,
      url: values.PUBLIC_URL.replace(/\/+$/, ''),
      corsOrigins: values.CORS_ORIGINS,
      trustProxy: values.TRUST_PROXY ?? false,
      bodyLimit: values.BODY_LIMIT,
      rateLimits: { perIp: values.RATE_LIMIT_PER_IP, perCaller: values.RATE_LIMIT_PER_CALLER, strict: values.RATE_LIMIT_STRICT },
    },
    internalHttp: {
      port: values.INTERNAL_PORT,
      host: values.INTERNAL_HOST,
      bodyLimit: values.BODY_LIMIT,
      auth: values.INTERNAL_AUTH,
      /** Secret by service name. */
      keys: new Map(values.INTERNAL_KEYS.map(({ service, secret }) => [service, secret])),
    },
    leaseTimes: leaseTimesOf(values.LEASE_MS),
    eventStoreUrl: values.EVENTSTORE_URL,
    databaseUrl: values.DATABASE_URL,
    vaultDatabaseUrl: values.VAULT_DATABASE_URL,
    /** 32 bytes. */
    masterKey: values.MASTER_KEY,
    redisUrl: values.REDIS_URL,
    openSearchUrl: values.OPENSEARCH_URL,
    stripe: {
      apiBase: values.STRIPE_API_BASE,
      secretKey: values.STRIPE_SECRET_KEY,
      publishableKey: values.STRIPE_PUBLISHABLE_KEY,
      webhookSecret: values.STRIPE_WEBHOOK_SECRET,
      connectWebhookSecret: values.STRIPE_CONNECT_WEBHOOK_SECRET,
    },
    aws: {
      region: values.AWS_REGION,
      credentials:
        values.AWS_ACCESS_KEY_ID === undefined || values.AWS_SECRET_ACCESS_KEY === undefined
          ? undefined
          : { accessKeyId: values.AWS_ACCESS_KEY_ID, secretAccessKey: values.AWS_SECRET_ACCESS_KEY },
      endpoints: { ses: values.AWS_ENDPOINT_SES, s3: values.AWS_ENDPOINT_S3, cognito: values.AWS_ENDPOINT_COGNITO },
      bucket: values.S3_BUCKET,
    },
    cognito: {
      userPoolId: values.COGNITO_USER_POOL_ID,
      clientId: values.COGNITO_CLIENT_ID,
      issuer: values.COGNITO_ISSUER,
      jwksUrl: values.COGNITO_JWKS_URL,
    },
    mail: { from: values.SES_FROM, webhookUser: values.SES_WEBHOOK_USER, webhookPassword: values.SES_WEBHOOK_PASSWORD },
    agora: {
      appId: values.AGORA_APP_ID,
      appCertificate: values.AGORA_APP_CERTIFICATE,
      restUrl: values.AGORA_REST_URL,
      customer:
        values.AGORA_CUSTOMER_ID === undefined || values.AGORA_CUSTOMER_SECRET === undefined
          ? undefined
          : { id: values.AGORA_CUSTOMER_ID, secret: values.AGORA_CUSTOMER_SECRET },
      webhookSecret: values.AGORA_WEBHOOK_SECRET,
      storage:
        values.AGORA_S3_ACCESS_KEY_ID === undefined || values.AGORA_S3_SECRET_ACCESS_KEY === undefined
          ? undefined
          : { accessKeyId: values.AGORA_S3_ACCESS_KEY_ID, secretAccessKey: values.AGORA_S3_SECRET_ACCESS_KEY },
    },
  };
}
