import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchEventStore } from './eventstoredb/launch.ts';
import type { LaunchedEventStore } from './eventstoredb/launch.ts';
import { LOOPBACK, preferredPort } from './loopback.ts';
import { peerVariables } from './peer-variables.ts';
import { launchPostgres } from './postgres/launch.ts';
import type { EmbeddedPostgres } from './postgres/launch.ts';
import { refuseInProduction } from './production-guard.ts';
import { loadSecrets } from './secrets.ts';
import type { PeerSecrets } from './secrets.ts';
import { STAND_INS } from './stand-ins/names.ts';
import type { StandInName, StandInPorts } from './stand-ins/names.ts';
import type { StandInsInput } from './stand-ins/process.ts';
import { startSupervised } from './supervision/parent.ts';
import type { SupervisedChild } from './supervision/parent.ts';

/** A peer that can be embedded. */
export type PeerName = 'postgres' | 'eventstore' | StandInName;

const ALL: readonly PeerName[] = ['postgres', 'eventstore', ...STAND_INS];

/** The databases of the product: read models and outbox in one, the keys of personal data in the other. */
const DATABASES = { readModels: 'chalkstream', vault: 'vault' } as const;

/** The embedded peers, running. */
export interface Peers {
  /** The configuration variables that lead the system's clients to these peers. They hold secrets. */
  env: Record<string, string>;
  postgres: EmbeddedPostgres | undefined;
  eventStore: LaunchedEventStore | undefined;
  /** The process of the stand-ins; a test may kill it. */
  standIns: SupervisedChild<Partial<StandInPorts>> | undefined;
  /** Resolves with the name of the first peer that has gone without being asked to. */
  lost: Promise<PeerName | 'stand-ins'>;
  /** Tells the peers where the system listens, so that their webhooks reach it. They remember it. */
  setWebhookTarget(publicUrl: string): Promise<void>;
  /** Stops all of them and waits until they are gone. */
  stop(): Promise<void>;
}

type KeptPorts = Partial<Record<PeerName, number>>;

function readPorts(file: string): KeptPorts {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as KeptPorts) : {};
}

function writePorts(file: string, ports: KeptPorts): void {
  writeFileSync(`${file}.new`, JSON.stringify(ports, null, 2));
  renameSync(`${file}.new`, file);
}

async function startStandIns(dir: string, names: StandInName[], ports: KeptPorts, secrets: PeerSecrets) {
  if (names.length === 0) return undefined;
  for (const name of names) refuseInProduction(name);
  const input: StandInsInput = { dir: join(dir, 'stand-ins'), servedPid: process.pid, names, ports, secrets };
  mkdirSync(input.dir, { recursive: true, mode: 0o700 });
  return startSupervised<StandInsInput, Partial<StandInPorts>>(new URL('./stand-ins/process.ts', import.meta.url), input);
}

async function startPostgres(dir: string, port: number | undefined) {
  const server = await launchPostgres({ dir: join(dir, 'postgres'), ...(port === undefined ? {} : { port }) });
  const readModels = await server.ensureDatabase(DATABASES.readModels);
  const vault = await server.ensureDatabase(DATABASES.vault);
  return { server, readModels, vault };
}

async function startEventStore(dir: string, port: number | undefined) {
  refuseInProduction('eventstore');
  return launchEventStore({ dir: join(dir, 'eventstore'), port: await preferredPort(port) });
}

/** Where each stand-in takes the address that its webhooks go to, and what it wants to see for it. */
async function tellWebhookTarget(name: StandInName, port: number, secrets: PeerSecrets, publicUrl: string): Promise<void> {
  const url = (path: string): string => new URL(path, publicUrl).href;
  const targets: Partial<Record<StandInName, { bearer: string; body: Record<string, string> }>> = {
    stripe: {
      bearer: secrets.stripeSecretKey,
      body: { platformUrl: url('/webhooks/stripe'), connectUrl: url('/webhooks/stripe-connect') },
    },
    ses: { bearer: secrets.awsSecretAccessKey, body: { url: url('/webhooks/ses') } },
    agora: { bearer: secrets.agoraCustomerSecret, body: { url: url('/webhooks/agora') } },
  };
  const target = targets[name];
  if (!target) return;
  const answer = await fetch(`http://${LOOPBACK}:${port}/_control/webhooks`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${target.bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify(target.body),
  });
  if (!answer.ok) throw new Error(`the ${name} stand-in does not take its webhook target: ${answer.status}`);
}

/**
 * Starts the peers that the system needs (`only`: some of them) on loopback ports, with all their data under `dir`. Ports and secrets of the
 * last run are used again. All of them stop by themselves when this process dies; a start right after a `kill -9` waits for the old ones to go.
 * When one cannot start, those that could are stopped and the reason is thrown.
 */
export async function launchPeers(options: { dir: string; only?: readonly PeerName[] }): Promise<Peers> {
  const { dir } = options;
  const wanted = options.only ?? ALL;
  mkdirSync(dir, { recursive: true });
  const secrets = loadSecrets(join(dir, 'secrets.json'));
  const portsFile = join(dir, 'ports.json');
  const kept = readPorts(portsFile);
  const [postgres, eventStore, standIns] = await Promise.allSettled([
    wanted.includes('postgres') ? startPostgres(dir, kept.postgres) : undefined,
    wanted.includes('eventstore') ? startEventStore(dir, kept.eventstore) : undefined,
    startStandIns(
      dir,
      STAND_INS.filter((name) => wanted.includes(name)),
      kept,
      secrets,
    ),
  ]);
  const found = {
    postgres: postgres.status === 'fulfilled' ? postgres.value : undefined,
    eventStore: eventStore.status === 'fulfilled' ? eventStore.value : undefined,
    standIns: standIns.status === 'fulfilled' ? standIns.value : undefined,
  };
  const stop = async (): Promise<void> => {
    await Promise.all([found.postgres?.server.stop(), found.eventStore?.stop(), found.standIns?.stop()]);
  };
  const failures = [postgres, eventStore, standIns].flatMap((start) => (start.status === 'rejected' ? [start.reason as unknown] : []));
  if (failures.length > 0) {
    await stop();
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'several embedded peers do not start');
  }

  const ports: KeptPorts = { ...kept, ...found.standIns?.ready };
  if (found.postgres) ports.postgres = found.postgres.server.port;
  if (found.eventStore) ports.eventstore = found.eventStore.port;
  writePorts(portsFile, ports);
  const never = new Promise<never>(() => undefined);
  return {
    env: peerVariables({
      secrets,
      eventStore: found.eventStore?.connectionString,
      readModels: found.postgres?.readModels,
      vault: found.postgres?.vault,
      ports: found.standIns?.ready ?? {},
    }),
    postgres: found.postgres?.server,
    eventStore: found.eventStore,
    standIns: found.standIns,
    lost: Promise.race([
      found.postgres?.server.exited.then(() => 'postgres' as const) ?? never,
      found.eventStore?.exited.then(() => 'eventstore' as const) ?? never,
      found.standIns?.exited.then(() => 'stand-ins' as const) ?? never,
    ]),
    setWebhookTarget: async (publicUrl) => {
      const running = Object.entries(found.standIns?.ready ?? {}) as [StandInName, number][];
      await Promise.all(running.map(([name, port]) => tellWebhookTarget(name, port, secrets, publicUrl)));
    },
    stop,
  };
}
