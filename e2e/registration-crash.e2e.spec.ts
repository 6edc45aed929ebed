import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { AppProcess } from '#app/demo/app-process.ts';
import { freePort, LOOPBACK } from '#infra/embedded/loopback.ts';

/** Milliseconds after the first registration of a round at which the process is killed. */
const KILLED_AFTER = [60, 150, 300, 600];
const PEOPLE_A_ROUND = 6;

let dir: string;
let environment: Record<string, string>;
let running: AppProcess | undefined;

beforeAll(async () => {
  dir = mkdtempSync(pathOf(tmpdir(), 'registration-crash-'));
  chmodSync(dir, 0o755);
  const unlimited = { RATE_LIMIT_PER_IP: '0', RATE_LIMIT_PER_CALLER: '0', RATE_LIMIT_STRICT: '0' };
  environment = { PUBLIC_PORT: String(await freePort()), INTERNAL_PORT: String(await freePort()), ...unlimited };
});
afterAll(async () => {
  await running?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Registers somebody as a careful client does: again with the same key until there is an answer. */
async function register(email: string, key: string, over: () => boolean): Promise<void> {
  const body = JSON.stringify({ email, password: 'long-enough-Passw0rd!', role: 'student', timeZone: 'Europe/Berlin', locale: 'de' });
  while (!over()) {
    try {
      const response = await fetch(`http://${LOOPBACK}:${environment['PUBLIC_PORT']}/auth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body,
      });
      if (response.status === 202) return;
    } catch {
      // The process is down: the client knows no more than that, and asks again.
    }
    await wait(50);
  }
}

describe('Killed again and again while people register', () => {
  it('the platform makes one account of each, and sends each one mail', async () => {
    const emails = KILLED_AFTER.flatMap((_, round) =>
      Array.from({ length: PEOPLE_A_ROUND }, (_, nth) => `crash.${round}.${nth}@example.org`),
    );
    const registrations: Promise<void>[] = [];
    let over = false;
    for (const [round, after] of KILLED_AFTER.entries()) {
      running = await AppProcess.start(dir, environment);
      const mine = emails.slice(round * PEOPLE_A_ROUND, (round + 1) * PEOPLE_A_ROUND);
      registrations.push(...mine.map((email) => register(email, `key-of-${email}`, () => over)));
      await wait(after);
      await running.kill();
    }
    running = await AppProcess.start(dir, environment);
    await Promise.all(registrations);
    const { outboxUrl } = running.addresses;
    const mailsTo = async (email: string) => {
      const mails = (await (await fetch(`${outboxUrl}?to=${encodeURIComponent(email)}`)).json()) as { subject: string; text: string }[];
      return mails.filter(({ subject }) => subject === 'Please confirm your e-mail address');
    };
    const deadline = Date.now() + 90_000;
    for (const email of emails) {
      while ((await mailsTo(email)).length === 0 && Date.now() < deadline) await wait(100);
    }
    over = true;
    expect(await Promise.all(emails.map(async (email) => (await mailsTo(email)).length))).toEqual(emails.map(() => 1));

    // Every link works, and opens the log-in that the person chose.
    for (const email of emails) {
      const [mail] = await mailsTo(email);
      const post = (path: string, body: object) =>
        fetch(`http://${LOOPBACK}:${environment['PUBLIC_PORT']}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      expect((await post('/auth/verify-email', { token: /token=([\w-]{64})/.exec(mail!.text)![1] })).status).toBe(200);
      let status = 0;
      while (status !== 200 && Date.now() < deadline) {
        status = (await post('/auth/login', { email, password: 'long-enough-Passw0rd!' })).status;
        if (status !== 200) await wait(50);
      }
      expect(status).toBe(200);
    }
  }, 240_000);
});
