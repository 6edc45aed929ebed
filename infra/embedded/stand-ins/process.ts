import { join } from 'node:path';
import type { RunningStandIn } from '../http/server.ts';
import { freePort } from '../loopback.ts';
import type { PeerSecrets } from '../secrets.ts';
import { serveStripe } from '../stripe/serve.ts';
import { serveUnderParent } from '../supervision/child.ts';
import { awaitRelease, writePidFile } from '../supervision/pid-file.ts';
import type { StandInName, StandInPorts } from './names.ts';

/** What the process of the stand-ins is told. */
export interface StandInsInput {
  dir: string;
  servedPid: number;
  names: StandInName[];
  /** The ports of the last run, used again where they are free. */
  ports: Partial<StandInPorts>;
  secrets: PeerSecrets;
}

interface Start {
  dir: string;
  port: number;
  secrets: PeerSecrets;
}

const starters: Record<StandInName, (start: Start) => Promise<RunningStandIn>> = {
  stripe: ({ dir, port, secrets }) =>
    serveStripe({
      dir,
      port,
      secretKey: secrets.stripeSecretKey,
      publishableKey: secrets.stripePublishableKey,
      webhookSecret: secrets.stripeWebhookSecret,
      connectWebhookSecret: secrets.stripeConnectWebhookSecret,
    }),
};

serveUnderParent<StandInsInput, Partial<StandInPorts>>(async ({ dir, servedPid, names, ports, secrets }) => {
  // After a kill -9 of the application the process of the last run may still be leaving.
  const pidFile = join(dir, 'stand-ins.pid');
  await awaitRelease(pidFile);
  writePidFile(pidFile, servedPid, 'stand-ins/process');
  const running = await Promise.all(
    names.map(async (name) => {
      const port = await freePort(ports[name]);
      return [name, await starters[name]({ dir: join(dir, name), port, secrets })] as const;
    }),
  );
  return {
    ready: Object.fromEntries(running.map(([name, standIn]) => [name, standIn.port])),
    stop: async () => {
      await Promise.all(running.map(([, standIn]) => standIn.stop()));
    },
  };
});
