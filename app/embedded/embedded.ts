import { createHmac } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readConfig, type Config } from '#infra/config/config.ts';
import { variables } from '#infra/config/variables.ts';
import { freePort, LOOPBACK } from '#infra/embedded/loopback.ts';
import { launchPeers, type Peers } from '#infra/embedded/peers.ts';
import { createLog } from '#infra/telemetry/log.ts';
import type { MovableClock } from '#infra/time/clock.ts';
import { createAdmin } from '../admin/create-admin.ts';
import { startSystem, type System } from '../system/system.ts';
import { ClockModule } from './clock.controller.ts';
import { keptClock } from './kept-clock.ts';

/** The administrator of an embedded system. */
const EMBEDDED_ADMIN_EMAIL = 'admin@chalkstream.example';

/** How long a start waits for the read models, in milliseconds. A long log takes longer; the API then answers 503 to queries meanwhile. */
const CATCH_UP_MS = 60_000;

/** Where to find everything of a running embedded system. It holds secrets of this machine's stand-ins only. */
export interface EmbeddedAddresses {
  readonly publicUrl: string;
  readonly internalUrl: string;
  readonly internalKey: { readonly service: string; readonly secret: string };
  readonly admin: { readonly email: string; readonly password: string };
  /** Mails that were sent: `GET <outbox>?to=<address>`. */
  readonly outboxUrl: string;
  readonly stripe: { readonly url: string; readonly secretKey: string; readonly publishableKey: string };
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  readonly dataDir: string;
  /** File with the variables that lead another process, such as an operator's program, to the same peers. */
  readonly environmentFile: string;
}

export interface EmbeddedSystem {
  readonly addresses: EmbeddedAddresses;
  readonly system: System;
  readonly clock: MovableClock;
  readonly peers: Peers;
  stop(): Promise<void>;
}

/**
 * Starts the whole system on this machine alone: the peers on loopback ports with all data under `dir`, then every role in this process.
 * `environment` may say anything but where the peers are. Throws when a port is taken or a peer cannot start; nothing is left running then.
 */
export async function startEmbedded(options: {
  readonly dir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly args?: readonly string[];
}): Promise<EmbeddedSystem> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const peers = await launchPeers({ dir });
  try {
    const { environment, secrets } = await environmentOf(peers, options.environment);
    const config = readConfig(environment, options.args);
    const environmentFile = join(dir, 'system.env');
    writeEnvironment(environmentFile, environment);
    const clock = keptClock(join(dir, 'clock.json'));
    const log = createLog(config.log.level, 'chalkstream');
    await peers.setWebhookTarget(`http://${LOOPBACK}:${config.publicHttp.port}`);
    const system = await startSystem({ config, log, clock, internalModules: [ClockModule] });
    await createAdmin(system, secrets.admin);
    if (!(await system.caughtUp(CATCH_UP_MS))) log.warn('the read models are still being built; queries wait for them');
    return {
      addresses: addressesOf(config, peers.env, { dir, environmentFile, ...secrets }),
      system,
      clock,
      peers,
      stop: async () => {
        await system.stop();
        await peers.stop();
      },
    };
  } catch (error) {
    await peers.stop();
    throw error;
  }
}

interface LocalSecrets {
  readonly internalSecret: string;
  readonly admin: { readonly email: string; readonly password: string };
}

/** The defaults of one machine, what the caller's environment says, and always the peers' own addresses and keys. */
async function environmentOf(peers: Peers, given: Readonly<Record<string, string | undefined>>) {
  const derived = (purpose: string) =>
    createHmac('sha256', peers.env['MASTER_KEY'] ?? '')
      .update(purpose)
      .digest('base64url');
  const secrets: LocalSecrets = {
    internalSecret: derived('internal-api'),
    admin: { email: EMBEDDED_ADMIN_EMAIL, password: `${derived('admin').slice(0, 20)}-aA1` },
  };
  const publicPort = await portOf(given['PUBLIC_PORT'], 3000);
  const environment = {
    PUBLIC_HOST: LOOPBACK,
    PUBLIC_URL: `http://localhost:${publicPort}`,
    INTERNAL_KEYS: `operations:${secrets.internalSecret}`,
    LOG_LEVEL: 'warn',
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== '')),
    // A shell's own AWS or Stripe variables must not lead an embedded system to somebody's real account.
    ...peers.env,
    PUBLIC_PORT: String(publicPort),
    INTERNAL_PORT: String(await portOf(given['INTERNAL_PORT'], 3001)),
  };
  return { environment, secrets };
}

/** Writes the variables of the system, and no others of the shell, so that a shell or `node --env-file` can read them; for this user only. */
function writeEnvironment(file: string, environment: Readonly<Record<string, string | undefined>>): void {
  const lines = Object.keys(variables).flatMap((name) => (environment[name] === undefined ? [] : [`${name}='${environment[name]}'\n`]));
  writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** A port by its variable; `0` means a free one, which must be known before anything links to it. */
async function portOf(given: string | undefined, usual: number): Promise<number> {
  return given === '0' ? freePort() : Number(given ?? usual);
}

function addressesOf(
  config: Config,
  env: Readonly<Record<string, string>>,
  local: LocalSecrets & { dir: string; environmentFile: string },
): EmbeddedAddresses {
  return {
    publicUrl: config.publicHttp.url,
    internalUrl: `http://${config.internalHttp.host}:${config.internalHttp.port}`,
    internalKey: { service: 'operations', secret: local.internalSecret },
    admin: local.admin,
    outboxUrl: `${env['AWS_ENDPOINT_SES']}/_outbox`,
    stripe: { url: env['STRIPE_API_BASE'] ?? '', secretKey: config.stripe.secretKey, publishableKey: config.stripe.publishableKey },
    eventStoreUrl: config.eventStoreUrl,
    databaseUrl: config.databaseUrl,
    dataDir: local.dir,
    environmentFile: local.environmentFile,
  };
}
