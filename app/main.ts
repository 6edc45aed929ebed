import { once } from 'node:events';
import { readConfig } from '#infra/config/config.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { startEmbedded, type EmbeddedAddresses } from './embedded/embedded.ts';
import { explain } from './system/explain.ts';
import { startSystem } from './system/system.ts';

/**
 * Starts the system: against the peers that the environment names, or, when it names no event store and this is not production, on embedded
 * ones with their data in CHALKSTREAM_DATA (default `./data`). Ends on SIGTERM and SIGINT, and when the process that started it has gone.
 */
async function main(): Promise<void> {
  const { env, argv } = process;
  const embedded = (env['EVENTSTORE_URL'] ?? '') === '' && env['NODE_ENV'] !== 'production';
  const running = embedded ? await embeddedProcess(env, argv.slice(2)) : await configuredProcess(env, argv.slice(2));
  const reason = await Promise.race([
    once(process, 'SIGTERM').then(() => undefined),
    once(process, 'SIGINT').then(() => undefined),
    ...(process.channel === undefined ? [] : [once(process, 'disconnect').then(() => undefined)]),
    running.failed,
  ]);
  await running.stop();
  if (reason !== undefined) throw new Error(reason);
}

interface Running {
  stop(): Promise<void>;
  /** Resolves with the reason when the process cannot go on. */
  readonly failed: Promise<string>;
}

async function configuredProcess(environment: NodeJS.ProcessEnv, args: readonly string[]): Promise<Running> {
  const config = readConfig(environment, args);
  const log = createLog(config.log.level, 'chalkstream');
  const system = await startSystem({ config, log, clock: new SystemClock() });
  log.info({ roles: [...config.roles], publicPort: system.publicPort, internalPort: system.internalPort }, 'ready');
  return { stop: () => system.stop(), failed: new Promise(() => undefined) };
}

async function embeddedProcess(environment: NodeJS.ProcessEnv, args: readonly string[]): Promise<Running> {
  const embedded = await startEmbedded({ dir: environment['CHALKSTREAM_DATA'] ?? 'data', environment, args });
  if (process.send === undefined) console.log(welcome(embedded.addresses));
  else process.send({ ready: embedded.addresses });
  return { stop: () => embedded.stop(), failed: embedded.peers.lost.then((name) => `The embedded ${name} has gone.`) };
}

function welcome({ publicUrl, internalUrl, outboxUrl, admin, dataDir, environmentFile }: EmbeddedAddresses): string {
  return [
    'Chalkstream is up, on embedded peers.',
    `  API            ${publicUrl}   its document ${publicUrl}/docs`,
    `  internal API   ${internalUrl}   (signed requests)`,
    `  mails sent     ${outboxUrl}`,
    `  administrator  ${admin.email}   password ${admin.password}`,
    `  data           ${dataDir}`,
    `  environment    ${environmentFile}   (for operators' programs and more processes)`,
    'Ctrl-C stops everything.',
  ].join('\n');
}

try {
  await main();
  process.exitCode = 0;
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
// What still holds the process, such as a keep-alive connection of a client, must not keep it.
process.exit();
