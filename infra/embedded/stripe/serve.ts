import { join } from 'node:path';
import { GroupCommit } from '../http/database.ts';
import { serveStandIn } from '../http/server.ts';
import type { RunningStandIn } from '../http/server.ts';
import { LOOPBACK } from '../loopback.ts';
import { refuseInProduction } from '../production-guard.ts';
import { answerControl } from './control.ts';
import { Faults } from './faults.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { Ledger } from './ledger.ts';
import { answerPage } from './pages.ts';
import { router } from './routes.ts';
import { answerApi } from './server.ts';
import type { ApiParts } from './server.ts';
import { StripeStore } from './store.ts';
import { Webhooks } from './webhooks.ts';
import { World } from './world.ts';

/** What the stand-in is started with. */
export interface StripeOptions {
  /** The folder of its file. */
  dir: string;
  port: number;
  secretKey: string;
  publishableKey: string;
  webhookSecret: string;
  connectWebhookSecret: string;
}

/**
 * Serves the endpoints of Stripe that the system uses on a loopback port. Every answer to a write is durable before it is given. Balances,
 * test cards, idempotency keys, errors and signed webhooks follow Stripe; `/_control` shows and disturbs it.
 */
export async function serveStripe(options: StripeOptions): Promise<RunningStandIn> {
  refuseInProduction('stripe');
  const store = new StripeStore(join(options.dir, 'stripe.sqlite'));
  let port = options.port;
  const world = new World(store, () => `http://${LOOPBACK}:${port}`);
  const ledger = new Ledger(store);
  const commits = new GroupCommit(store.database);
  const parts: ApiParts = {
    commits,
    world,
    route: router(ledger),
    keys: new IdempotencyKeys(store),
    faults: new Faults(),
    webhooks: new Webhooks(store, commits, { platform: options.webhookSecret, connect: options.connectWebhookSecret }),
    secretKey: options.secretKey,
    publishableKey: options.publishableKey,
  };
  const server = await serveStandIn('stripe', options.port, async (request) => {
    if (request.rawPath.startsWith('/_control/')) return answerControl(parts, ledger, request);
    const page = answerPage(world, ledger, request);
    if (page) {
      parts.webhooks.pump();
      return page;
    }
    return answerApi(parts, request);
  });
  port = server.port;
  parts.webhooks.pump();
  return {
    port,
    stop: async () => {
      parts.webhooks.stop();
      await server.stop();
      commits.flush();
      store.database.close();
    },
  };
}
