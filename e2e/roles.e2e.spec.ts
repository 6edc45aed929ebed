import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '#infra/embedded/loopback.ts';
import { launchPeers, type Peers } from '#infra/embedded/peers.ts';
import { administrator, readyToTeach, verifiedTutor } from '../app/demo/onboarding.ts';
import { Operator } from '../app/demo/operator.ts';
import type { Person, World } from '../app/demo/people.ts';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const quiet = async () => undefined;

/** The system as production runs it: each part in a process of its own, told by its environment where the peers are. */
describe('Parts in processes of their own', () => {
  let dir: string;
  let peers: Peers;
  let world: World;
  let admin: Person;
  let environment: Record<string, string>;
  const children = new Map<string, ChildProcess>();

  function run(name: string, script: string, args: readonly string[], extra: Readonly<Record<string, string>> = {}): ChildProcess {
    const node = ['--disable-warning=ExperimentalWarning', '--import', './infra/runtime/typescript.js', script, ...args];
    const child = spawn(process.execPath, node, {
      env: { ...process.env, ...environment, ...extra },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.set(name, child);
    return child;
  }

  async function serves(url: string): Promise<void> {
    for (;;) {
      const answer = await fetch(url).catch(() => undefined);
      if (answer?.ok === true) return;
      await wait(100);
    }
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'roles-'));
    peers = await launchPeers({ dir });
    const [publicPort, internalPort] = [await freePort(), await freePort()];
    const publicUrl = `http://127.0.0.1:${publicPort}`;
    environment = {
      ...peers.env,
      PUBLIC_PORT: String(publicPort),
      PUBLIC_HOST: '127.0.0.1',
      PUBLIC_URL: publicUrl,
      INTERNAL_PORT: String(internalPort),
      INTERNAL_KEYS: `operations:${SECRET}`,
      LOG_LEVEL: 'error',
      RATE_LIMIT_STRICT: '0',
    };
    await peers.setWebhookTarget(publicUrl);
    const password = 'an-administrators-password-1A';
    const [exitCode] = (await once(
      run('admin', 'app/admin/main.ts', ['create', 'root@example.org'], { ADMIN_PASSWORD: password }),
      'exit',
    )) as [number];
    expect(exitCode).toBe(0);
    run('api', 'app/main.ts', ['--roles', 'command-api,query-api,realtime']);
    run('internal', 'app/main.ts', ['--roles', 'internal']);
    run('one worker', 'app/main.ts', ['--roles', 'projections,process-managers']);
    await serves(`${publicUrl}/health`);
    await serves(`http://127.0.0.1:${internalPort}/health`);
    const operator = new Operator(() => ({
      internalUrl: `http://127.0.0.1:${internalPort}`,
      internalKey: { service: 'operations', secret: SECRET },
      outboxUrl: `${peers.env['AWS_ENDPOINT_SES']}/_outbox`,
      stripe: { url: peers.env['STRIPE_API_BASE']!, secretKey: peers.env['STRIPE_SECRET_KEY']!, publishableKey: '' },
    }));
    world = { publicUrl, operator, run: 'roles' };
    admin = await administrator(world, { email: 'root@example.org', password });
  }, 120_000);

  afterAll(async () => {
    await Promise.all(
      [...children.values()].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }),
    );
    await peers.stop();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  it('work together: a tutor registers, is reviewed and can be paid', async () => {
    const tutor = await verifiedTutor(world, admin, quiet);
    await readyToTeach(world, tutor, quiet);
    expect(await tutor.api.until<string, { account: string }>('/tutors/earnings', ({ account }) => account === 'Active' && account)).toBe(
      'Active',
    );
  }, 120_000);

  it('go on when the process that leads the engines is killed: another takes over', async () => {
    run('another worker', 'app/main.ts', ['--roles', 'projections,process-managers']);
    children.get('one worker')!.kill('SIGKILL');
    const tutor = await verifiedTutor({ ...world, run: 'takeover' }, admin, quiet);
    expect((await tutor.api.get<{ status: string }>('/tutors/status')).status).toBe('Available');
  }, 120_000);
});
