import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { parseEnv, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import type { Api } from '#app/demo/api.ts';
import { now, type ProcessManager } from '#domain/kernel/consumer.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { addRows } from '#infra/process-managers/outbox.ts';
import { rowsFor } from '#infra/process-managers/reactions.ts';
import { EmbeddedPlatform } from './embedded-platform.ts';

interface DeadLetter {
  readonly id: string;
  readonly consumer: string;
  readonly scope: string;
  readonly key: string;
  readonly state: string;
  readonly waitingBehind?: readonly object[];
}
interface Problem {
  readonly code: string;
}
interface Ready {
  readonly status: string;
  readonly degraded: readonly string[];
  readonly parts: Readonly<Record<string, { readonly detail?: string }>>;
}

const loader = new URL('../infra/runtime/typescript.js', import.meta.url).href;
const consumer = 'identity.user_accounts';
/** A policy of which nothing is in the code: what it asks for cannot be done. */
const greeting: ProcessManager = {
  name: 'greet-guests',
  context: 'hotel',
  sentence: 'Greets.',
  on: { GuestCame: ({ aggregateId }) => now({ type: 'Greet', data: { guest: aggregateId } }) },
};

/** Looks until what is expected is so, for 20 s at most. */
async function comesTrue(expectation: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; await wait(50)) {
    try {
      return await expectation();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

describe('Operators', () => {
  let platform: EmbeddedPlatform;
  let admin: Api;
  let adminId: string;
  beforeAll(async () => {
    platform = await EmbeddedPlatform.start();
    admin = await platform.admin();
    adminId = (await admin.get<{ userId: string }>('/users/profile')).userId;
  }, 120_000);
  afterAll(() => platform.stop());

  const get = <T>(path: string) => platform.internal<T>('GET', `/internal/operations${path}`, undefined, adminId);
  const post = <T>(path: string, body: object) => platform.internal<T>('POST', `/internal/operations${path}`, body, adminId);
  const database = () => platform.foundation.database;

  /** Runs a program as an operator does; what it printed and its exit code. */
  async function program(name: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const file = fileURLToPath(new URL(`../app/operations/${name}.ts`, import.meta.url));
    const env = { ...process.env, ...parseEnv(readFileSync(platform.addresses.environmentFile, 'utf8')), LOG_LEVEL: 'error' };
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', loader, file, ...args], { env });
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  }

  /** A reaction that has failed for the last time; its id. */
  async function parkedReaction(guest: string): Promise<string> {
    const [row] = rowsFor(greeting, recorded({ type: 'GuestCame', data: {} }, { aggregateType: 'Guest', aggregateId: guest }));
    const [lease] = await database().query<{ token: number }>(
      `select fencing_token as token from engine.leases where name = 'process-managers'`,
    );
    await database().execute(
      `insert into engine.checkpoints (consumer, version, state) values ('process-manager.greet-guests', 1, 'live') on conflict do nothing`,
    );
    await addRows(database(), lease!.token, [{ ...row!, state: 'parked', last_error: 'Error: no' }]);
    return row!.id;
  }

  /** Holds back what the read model of accounts knows of the administrator, as if it had failed on the first event. */
  async function heldBackAccount(): Promise<void> {
    const [account] = await platform.foundation.aggregates.history('UserAccount', adminId, { limit: 1 });
    await database().execute(
      `insert into engine.dead_letters (consumer, version, scope, key, position, event_id, event_type, stream, revision, error)
       select consumer, max(version), 'stream', $2, $3, $4, $5, $2, 0, 'Error: made up' from engine.checkpoints where consumer = $1 group by consumer`,
      [consumer, account!.stream, String(account!.position), account!.id, account!.type],
    );
  }

  const outcomes = async (group: string) =>
    (
      await get<{ acts: { id: string; act: string; who: string; why: string; state: string; outcome: string | null }[] }>(
        `/acts?group=${group}`,
      )
    )[1].acts;

  it('see over HTTP what a read model holds back and have it taken in again, on record with who and why', async () => {
    await heldBackAccount();
    const [, { deadLetters }] = await get<{ deadLetters: DeadLetter[] }>(`/dead-letters?consumer=${consumer}`);
    expect(deadLetters).toMatchObject([{ kind: 'read-model', consumer, scope: 'stream', state: 'parked', attempts: 1, behind: 0 }]);
    const { id } = deadLetters[0]!;
    expect(await get<DeadLetter>(`/dead-letters/${id}`)).toMatchObject([200, { id, waitingBehind: [] }]);
    const [status, asked] = await post<{ id: string; group: string }>(`/dead-letters/${id}`, { act: 'retry', why: 'case 4711' });
    expect([status, asked.group]).toEqual([202, 'projections']);
    await comesTrue(async () =>
      expect(await outcomes('projections')).toMatchObject([
        {
          id: asked.id,
          act: 'DeadLetterRetry',
          who: adminId,
          why: 'case 4711',
          state: 'done',
          outcome: expect.stringContaining('no longer held back'),
        },
      ]),
    );
    expect(await get<Problem>(`/dead-letters/${id}`)).toMatchObject([404, { code: 'no_such_dead_letter' }]);
  });

  it('give a reaction up, which may be tried again before; never what has ended', async () => {
    const id = await parkedReaction('ada');
    const [, { deadLetters }] = await get<{ deadLetters: DeadLetter[] }>('/dead-letters?consumer=process-manager.greet-guests');
    expect(deadLetters).toMatchObject([{ id, kind: 'process-manager', scope: 'instance', key: 'ada', eventType: 'GuestCame' }]);
    expect((await post(`/dead-letters/${id}`, { act: 'retry', why: 'again' }))[0]).toBe(202);
    // Nothing handles its command, so it fails again and waits for its next attempt.
    await comesTrue(async () =>
      expect(await database().query('select attempts > 0 as failed, state from engine.outbox where id = $1', [id])).toEqual([
        { failed: true, state: 'pending' },
      ]),
    );
    expect((await post(`/outbox/${id}`, { act: 'skip', why: 'nobody greets' }))[0]).toBe(202);
    await comesTrue(async () => expect((await outcomes('process-managers'))[0]).toMatchObject({ act: 'ReactionSkip', state: 'done' }));
    expect(await post<Problem>(`/outbox/${id}`, { act: 'retry', why: 'again' })).toMatchObject([409, { code: 'act_not_possible' }]);
    expect(await post<Problem>(`/dead-letters/${newId()}`, { act: 'skip', why: 'no such' })).toMatchObject([
      404,
      { code: 'no_such_dead_letter' },
    ]);
    expect((await post<Problem>(`/dead-letters/${id}`, { act: 'skip', why: ' ' }))[1].code).toBe('validation_failed');
    // What is held back may be acted on by administrators alone.
    const asService = await platform.internal<Problem>('GET', '/internal/operations/dead-letters');
    expect(asService).toMatchObject([403, { code: 'forbidden' }]);
    const pause = { what: { act: 'pause', consumer: 'matching.tutor_search' }, why: 'a try' };
    for (const [door, body] of [
      [`/dead-letters/${id}`, { act: 'skip', why: 'a try' }],
      [`/outbox/${id}`, { act: 'skip', why: 'a try' }],
      ['/projections', pause],
    ] as const) {
      const answer = await platform.internal<Problem>('POST', `/internal/operations${door}`, body);
      expect([door, ...answer]).toMatchObject([door, 403, { code: 'forbidden' }]);
    }
  });

  it('read in the history what was asked, by whom and why, and what came of it', async () => {
    const { events } = await admin.get<{ events: { eventType: string; metadata: object; data: object }[] }>(
      '/audit/Operations/process-managers/events',
    );
    expect(events.map(({ eventType }) => eventType)).toEqual([
      'ReactionRetryRequested',
      'OperatorActDone',
      'ReactionSkipRequested',
      'OperatorActDone',
    ]);
    expect(events[2]).toMatchObject({
      metadata: { source: 'internal-api', role: 'admin', userId: adminId, reason: 'nobody greets' },
      data: { manager: 'greet-guests', instance: 'ada', who: adminId, why: 'nobody greets' },
    });
  });

  it('do the same on the command line', async () => {
    expect(await program('projections', 'pause', consumer, '--why', 'maintenance')).toMatchObject({
      code: 0,
      out: expect.stringContaining('paused at'),
    });
    expect(await program('projections', 'pause', consumer, '--why', 'again')).toMatchObject({ out: expect.stringContaining('already') });
    expect((await program('projections', 'list')).out).toContain('paused');
    expect(await program('projections', 'resume', consumer, '--why', 'over')).toMatchObject({ code: 0 });
    await heldBackAccount();
    const letter = /[0-9a-f-]{36}/.exec((await program('dead-letters', 'list', consumer)).out)![0];
    expect(await program('dead-letters', 'retry', letter, '--why', 'mended')).toMatchObject({
      code: 0,
      out: expect.stringContaining('no longer held back'),
    });
    const row = await parkedReaction('ben');
    expect(await program('dead-letters', 'skip', row, '--why', 'nobody greets', '--who', 'ops')).toMatchObject({
      code: 0,
      out: expect.stringContaining('given up'),
    });
    expect((await outcomes('process-managers'))[0]).toMatchObject({ act: 'ReactionSkip', who: 'ops', state: 'done' });
    expect(await program('dead-letters', 'skip', row, '--why', 'again')).toMatchObject({ code: 1 });
  });

  it('rebuild and export on record, with a manifest', async () => {
    expect(await program('projections', 'rebuild', consumer, '--why', 'to compare')).toMatchObject({ code: 0 });
    const { code, out, err } = await program('projections', 'export', consumer, '--format', 'csv', '--why', 'the books');
    expect(code).toBe(0);
    const manifest = JSON.parse(err.slice(err.indexOf('{'))) as { rows: number };
    expect(manifest).toMatchObject({
      format: 'csv',
      rows: out.split('\r\n').length - 2,
      codeVersion: expect.stringMatching(/^[0-9a-f]{40}(-dirty-[0-9a-f]{16})?$|^\d+\.\d+\.\d+/),
      sha256: createHash('sha256').update(out).digest('hex'),
    });
    const dir = mkdtempSync(join(tmpdir(), 'export-'));
    try {
      const file = join(dir, 'rows.csv');
      expect(await program('projections', 'export', consumer, '--format', 'csv', '--to', file, '--why', 'the books')).toMatchObject({
        code: 0,
      });
      expect(readFileSync(file, 'utf8')).toBe(out);
      // The act itself is on the log, so the position has moved.
      expect(JSON.parse(readFileSync(`${file}.manifest.json`, 'utf8'))).toEqual({ ...manifest, position: expect.stringMatching(/^\d+$/) });
      expect(readdirSync(dir)).toHaveLength(2);
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(await program('projections', 'export', consumer, '--why', 'x')).toMatchObject({ code: 2 });
    expect(await program('projections', 'export', `${consumer}@7`, '--format', 'csv', '--why', 'x')).toMatchObject({ code: 2 });
    expect((await outcomes('projections')).slice(0, 3)).toMatchObject([
      { act: 'ReadModelExport', state: 'done' },
      { act: 'ReadModelExport', state: 'done', outcome: expect.stringContaining('sha256') },
      { act: 'ReadModelRebuild', why: 'to compare', state: 'done', outcome: expect.stringContaining('swapped') },
    ]);
  });

  it('see in readiness, metrics and the report how the engines are doing', async () => {
    const { internalUrl } = platform.addresses;
    const id = await parkedReaction('cleo');
    await comesTrue(async () => {
      const response = await fetch(`${internalUrl}/ready`);
      const ready = (await response.json()) as Ready;
      // What is held back degrades: the process serves all the same.
      expect([response.status, ready.status, ready.degraded]).toEqual([200, 'ready', ['heldBack']]);
      expect(ready.parts['heldBack']?.detail).toBe('process-manager.greet-guests 1');
    });
    const metrics = await (await fetch(`${internalUrl}/metrics`)).text();
    for (const line of [
      /^projection_lag_seconds\{model="identity.user_accounts"\} \d/m,
      /^policy_lag_seconds\{engine="process-managers"\} \d/m,
      /^frame_lag_seconds\{engine="realtime"\} \d/m,
      /^engine_led\{group="projections"\} 1$/m,
      /^engine_events_per_second\{group="process-managers"\} \d/m,
      /^consumer_backlog_events\{consumer="identity.user_accounts"\} \d/m,
      /^held_back\{consumer="process-manager.greet-guests"\} 1$/m,
      /^parked_keys\{consumer="process-manager.greet-guests"\} 1$/m,
      /^outbox_timers\{manager="[a-z-]+"\} \d/m,
      /^outbox_waiting\{manager="greet-guests"\} 0$/m,
      /^outbox_oldest_seconds\{manager="greet-guests"\} 0$/m,
      /^reaction_attempts_total\{manager="greet-guests",outcome="failed"\} \d/m,
    ])
      expect(metrics).toMatch(line);
    const [, report] = await get<{ groups: object[]; consumers: { consumer: string }[]; outbox: object[] }>('');
    expect(report.groups).toMatchObject([
      { group: 'projections', led: true },
      { group: 'process-managers', led: true, lagSeconds: expect.any(Number) },
    ]);
    expect(report.consumers.find((each) => each.consumer === consumer)).toMatchObject({
      group: 'projections',
      state: 'live',
      backlog: 0,
      parked: 0,
      lagSeconds: expect.any(Number),
    });
    expect(report.outbox).toContainEqual(expect.objectContaining({ manager: 'greet-guests', parked: 1 }));
    expect((await post(`/dead-letters/${id}`, { act: 'skip', why: 'over' }))[0]).toBe(202);
    await comesTrue(async () => expect(((await (await fetch(`${internalUrl}/ready`)).json()) as Ready).degraded).toEqual([]));
  });
});
