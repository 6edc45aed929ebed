import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CognitoIdentityProviderClient, ForgotPasswordCommand, SignUpCommand } from '@aws-sdk/client-cognito-identity-provider';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Stripe from 'stripe';
import { startReceiver } from './http/webhook-receiver.ts';
import { launchPeers } from './peers.ts';
import type { Peers } from './peers.ts';
import { stripeAt } from './stripe/harness.ts';
import { commandLine, isRunning } from './supervision/processes.ts';

const loader = new URL('../runtime/typescript.js', import.meta.url).href;
const peersModule = new URL('./peers.ts', import.meta.url).href;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peers-spec-'));
  // Open for the user that Postgres runs as, as a checkout usually is.
  chmodSync(dir, 0o711);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const stripeOf = (env: Record<string, string>): Stripe => stripeAt(env['STRIPE_API_BASE'] ?? '', env['STRIPE_SECRET_KEY'] ?? '');

/** An application in a process of its own, in its own group, as a terminal starts it. */
async function startApplication(): Promise<{ env: Record<string, string>; pids: number[]; end(signal: NodeJS.Signals): Promise<void> }> {
  const source = `
    const { launchPeers } = await import(${JSON.stringify(peersModule)});
    const peers = await launchPeers({ dir: ${JSON.stringify(dir)} });
    process.once('SIGINT', () => peers.stop().then(() => process.exit(0)));
    console.log(JSON.stringify({ env: peers.env, pids: [peers.postgres.keeperPid, peers.eventStore.pid, peers.standIns.pid] }));
    setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', loader, '--input-type=module', '-e', source],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString())));
  const { env, pids } = JSON.parse(line) as { env: Record<string, string>; pids: number[] };
  return {
    env,
    pids,
    end: async (signal) => {
      // To the whole group, as Ctrl-C does.
      process.kill(signal === 'SIGINT' ? -(child.pid ?? 0) : (child.pid ?? 0), signal);
      await exited;
    },
  };
}

/** The processes on this machine that have to do with the folder. */
function processesOf(folder: string): number[] {
  if (!existsSync('/proc/self')) return [];
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => pid !== process.pid && commandLine(pid).includes(folder) && isRunning(pid));
}

describe('the embedded peers', () => {
  it('give the same addresses and secrets again, keep what they stored, and reach the system where it was', async () => {
    const receiver = await startReceiver();
    const first = await launchPeers({ dir });
    expect(Object.keys(first.env)).toEqual(
      expect.arrayContaining([
        'EVENTSTORE_URL',
        'DATABASE_URL',
        'VAULT_DATABASE_URL',
        'MASTER_KEY',
        'STRIPE_API_BASE',
        'AWS_ENDPOINT_S3',
        'COGNITO_ISSUER',
        'AGORA_REST_URL',
      ]),
    );
    expect(statSync(join(dir, 'secrets.json')).mode & 0o777).toBe(0o600);
    await first.setWebhookTarget('http://127.0.0.1:9');
    await first.setWebhookTarget(receiver.url);
    const customer = await stripeOf(first.env).customers.create({});
    await receiver.count(1);
    await first.stop();

    const second = await launchPeers({ dir });
    expect(second.env).toEqual(first.env);
    expect(await stripeOf(second.env).customers.retrieve(customer.id)).toMatchObject({ id: customer.id });
    await stripeOf(second.env).customers.create({});
    await receiver.count(2);
    expect(receiver.received.map(({ path }) => path)).toEqual(['/webhooks/stripe', '/webhooks/stripe']);
    await second.stop();
    await receiver.stop();
  });

  it('leave with an application that is killed, and start again at once with all that was acknowledged', async () => {
    const application = await startApplication();
    const stripe = stripeOf(application.env);
    const acknowledged: string[] = [];
    const keys: string[] = [];
    const callers = Array.from({ length: 8 }, async (_none, caller) => {
      for (let call = 0; ; call++) {
        const key = `pi:${caller}:${call}`;
        keys.push(key);
        const params = { amount: 1000, currency: 'eur', payment_method: 'pm_card_visa', confirm: true } as const;
        const made = await stripe.paymentIntents.create(params, { idempotencyKey: key }).catch(() => undefined);
        if (!made) return;
        acknowledged.push(made.id);
        if (acknowledged.length === 60) process.kill(application.pids[2] ?? 0, 'SIGKILL');
      }
    });
    await Promise.all(callers);
    await application.end('SIGKILL');

    const next = await launchPeers({ dir });
    expect(application.pids.filter(isRunning)).toEqual([]);
    const found = new Set<string>();
    for await (const intent of stripeOf(next.env).paymentIntents.list({ limit: 100 })) found.add(intent.id);
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
    // Whoever repeats all calls with their keys gets each payment once, those included whose answer was lost.
    for (const key of keys) {
      const params = { amount: 1000, currency: 'eur', payment_method: 'pm_card_visa', confirm: true } as const;
      found.add((await stripeOf(next.env).paymentIntents.create(params, { idempotencyKey: key })).id);
    }
    expect(found.size).toBe(keys.length);
    await next.stop();
  });

  it('leave nothing behind after Ctrl-C', async () => {
    const application = await startApplication();
    const files = readFileSync(join(dir, 'stand-ins', 'stand-ins.pid'), 'utf8');
    expect(application.pids.map(String)).toContain(files.split('\n')[0]);
    await application.end('SIGINT');
    expect(application.pids.filter(isRunning)).toEqual([]);
    expect(processesOf(dir)).toEqual([]);
  });

  it('start in part, say when one is lost, and tell the codes of the user pool by mail', async () => {
    const peers: Peers = await launchPeers({ dir, only: ['ses', 'cognito'] });
    expect([peers.postgres, peers.eventStore, peers.env['STRIPE_API_BASE']]).toEqual([undefined, undefined, undefined]);
    const { env } = peers;
    const credentials = { accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '', secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '' };
    const cognito = new CognitoIdentityProviderClient({
      region: env['AWS_REGION'] ?? '',
      endpoint: env['AWS_ENDPOINT_COGNITO'] ?? '',
      credentials,
    });
    const who = { ClientId: env['COGNITO_CLIENT_ID'] ?? '', Username: 'student@example.com' };
    await cognito.send(new SignUpCommand({ ...who, Password: 'correct horse' }));
    await cognito.send(new ForgotPasswordCommand(who));
    const outbox = await fetch(`${env['AWS_ENDPOINT_SES']}/_outbox?to=student@example.com`);
    expect(await outbox.json()).toMatchObject([{ subject: 'Your password reset code', text: expect.stringMatching(/\d{6}/) }]);
    await peers.standIns?.kill();
    expect(await peers.lost).toBe('stand-ins');
    await peers.stop();
  });

  it('do not start in production unless they are named', async () => {
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(launchPeers({ dir, only: ['stripe'] })).rejects.toThrow('EMBEDDED_IN_PRODUCTION');
      process.env['EMBEDDED_IN_PRODUCTION'] = 'stripe';
      await (await launchPeers({ dir, only: ['stripe'] })).stop();
    } finally {
      process.env['NODE_ENV'] = 'test';
      delete process.env['EMBEDDED_IN_PRODUCTION'];
    }
  });
});
