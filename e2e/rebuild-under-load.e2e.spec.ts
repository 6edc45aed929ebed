import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { AppProcess } from '#app/demo/app-process.ts';
import { book, connect, freeTime, hold, lessonReaches, pay, payOut } from '#app/demo/lesson.ts';
import { administrator, minorStudent, readyToTeach, verifiedTutor } from '#app/demo/onboarding.ts';
import { Operator } from '#app/demo/operator.ts';
import type { Person } from '#app/demo/people.ts';
import { projectionEngine } from '#app/system/engines.ts';
import { layFoundation } from '#app/system/foundation.ts';
import { readConfig } from '#infra/config/config.ts';
import { signedHeaders } from '#infra/auth/signing.ts';
import { Database } from '#infra/postgres/database.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { readModels } from '#projections/read-models.ts';
import { Evidence } from './evidence.ts';
import { type Kind, Load } from './rebuild-load.ts';
import { type Death, rebuildAndKill } from './rebuild-program.ts';
import { type Question, Watch } from './rebuild-watch.ts';

const PER_SECOND = 50;
const DEATHS: readonly Death[] = [
  { stage: 'filling' },
  { stage: 'filling', afterMs: 20 },
  { stage: 'following' },
  { stage: 'following', afterMs: 5 },
  { stage: 'comparing' },
  { stage: 'comparing', afterMs: 5 },
  { stage: 'swapping' },
  { stage: 'swapping', afterMs: 2 },
  { stage: 'swapping', afterMs: 5 },
  { stage: 'swapping', afterMs: 15 },
];

let dir: string;
let app: AppProcess;
const operator = new Operator(() => app.addresses);
const people: Person[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rebuild-under-load-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
  app = await AppProcess.start(dir, {
    PUBLIC_PORT: '0',
    INTERNAL_PORT: '0',
    LOG_LEVEL: 'error',
    LEASE_MS: '3000',
    RATE_LIMIT_PER_IP: '0',
    RATE_LIMIT_PER_CALLER: '0',
    RATE_LIMIT_STRICT: '0',
  });
}, 60_000);
afterAll(async () => {
  for (const { socket } of people) socket.close();
  await app?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A lesson that was held and paid out, so that every context has rows; who took part. */
async function heldLesson(): Promise<{ admin: Person; tutor: Person; student: Person; bookingId: string; channelId: string }> {
  const quietly = () => Promise.resolve();
  const world = { publicUrl: app.addresses.publicUrl, operator, run: 'load' };
  const admin = await administrator(world, app.addresses.admin);
  const tutor = await verifiedTutor(world, admin, quietly);
  await readyToTeach(world, tutor, quietly);
  const student = await minorStudent(world, quietly);
  people.push(tutor, student);
  await connect(student, tutor, quietly);
  const booking = await book(student, tutor.userId, await freeTime(student, tutor.userId));
  await pay(student, booking.bookingId, 'pm_card_visa');
  await lessonReaches(student, booking.bookingId, 'Confirmed');
  await hold(world, student, tutor, booking, quietly);
  await payOut(world, admin, booking, quietly);
  const channelId = await student.api.until<string, { matches: { channelId: string | null }[] }>(
    '/matches',
    ({ matches }) => matches[0]?.channelId ?? undefined,
  );
  return { admin, tutor, student, bookingId: booking.bookingId, channelId };
}

type World = Awaited<ReturnType<typeof heldLesson>>;

/** Commands that cause no mail and no call to Stripe. */
function commands({ tutor, student, channelId }: World) {
  const messages = `/channels/${channelId}/messages`;
  const write = (nth: number) => ({ clientMessageId: crypto.randomUUID(), text: `Message ${nth}` });
  const day = (nth: number): string => new Date(Date.UTC(2028, 0, 1 + nth)).toISOString().slice(0, 10);
  return {
    asks: { ofTen: 3, who: student, method: 'POST', path: messages, body: write },
    answers: { ofTen: 3, who: tutor, method: 'POST', path: messages, body: write },
    headlines: { ofTen: 2, who: tutor, method: 'PUT', path: '/tutors/profile', body: (nth) => ({ headline: `Headline ${nth}` }) },
    grades: { ofTen: 1, who: student, method: 'PUT', path: '/students/profile', body: (nth) => ({ gradeLevel: `grade ${nth}` }) },
    daysOff: {
      ofTen: 1,
      who: tutor,
      method: 'POST',
      path: '/tutors/availability/exceptions',
      body: (nth) => ({ date: day(nth), windows: [] }),
    },
  } satisfies Readonly<Record<string, Kind>>;
}

function questions(world: World, load: Load, { headlines, grades, asks, answers }: ReturnType<typeof commands>): readonly Question[] {
  const { admin, tutor, student, bookingId, channelId } = world;
  const same = (_: unknown, text: string): string => text;
  const numberIn = (words: string) => (_: unknown, text: string) => Number(new RegExp(`${words} (\\d+)`).exec(text)?.[1] ?? 0);
  const headline = { see: numberIn('Headline'), atLeast: () => load.newestOf(headlines) };
  const messages = {
    see: ({ messages: newest }: Readonly<Record<string, unknown>>) => (newest as { number: number }[])[0]?.number ?? 0,
    atLeast: () => load.newestOf(asks) + load.newestOf(answers),
  };
  const of = (who: Person, paths: readonly string[], how: Pick<Question, 'see' | 'atLeast'>) =>
    paths.map((path) => ({ who, path, ...how }));
  const lesson = `/lessons/${bookingId}`;
  return [
    ...of(student, [`/channels/${channelId}/messages`], messages),
    ...of(student, ['/users/profile'], { see: numberIn('grade'), atLeast: () => load.newestOf(grades) }),
    ...of(student, [`/tutors/${tutor.userId}`, '/search/tutors?subject=mathematics&level=gcse'], headline),
    ...of(student, ['/matches', '/connections/outgoing', lesson, `${lesson}/status`, `${lesson}/messages`], {
      see: same,
    }),
    // Each answer signs its links anew.
    ...of(student, [`${lesson}/files`], { see: ({ files }) => (files as unknown[]).length }),
    ...of(student, ['/payments/history', '/students/consent-status', `/tutors/${tutor.userId}/slots?minutes=60`], { see: same }),
    ...of(tutor, ['/tutors/profile'], headline),
    ...of(tutor, ['/tutors/status', '/tutors/earnings', '/connections/incoming', '/matches', lesson], { see: same }),
    ...of(admin, [`/admin/ledger/${bookingId}`, '/admin/reviews'], { see: same }),
  ];
}

async function withEvidence<T>(look: (evidence: Evidence) => Promise<T>): Promise<T> {
  const evidence = new Evidence(app.addresses, operator);
  try {
    return await look(evidence);
  } finally {
    await evidence.close();
  }
}

/** What left the platform so far. */
const outside = () =>
  withEvidence(async (evidence) => ({
    mails: (await evidence.mails()).length,
    stripeCalls: (await evidence.stripeRequests()).length,
  }));

/** The rows that a replay of the whole log makes in a database of its own. */
async function replayed(): Promise<Readonly<Record<string, readonly object[]>>> {
  const url = new URL(app.addresses.databaseUrl);
  const server = new Database(url.href, { max: 1 });
  await server.execute('create database replayed');
  await server.close();
  url.pathname = '/replayed';
  const environment = parseEnv(readFileSync(app.addresses.environmentFile, 'utf8'));
  const config = readConfig({ ...environment, DATABASE_URL: url.href });
  const foundation = await layFoundation({ config, log: createLog('error', 'replay'), clock: new SystemClock() });
  const engine = projectionEngine(foundation);
  try {
    engine.start();
    expect(await engine.positions.waitFor(readModels.map(consumerOf), await foundation.eventStore.head(), 30_000)).toBe(true);
    const evidence = new Evidence({ ...app.addresses, databaseUrl: url.href }, operator);
    return await evidence.rows().finally(() => evidence.close());
  } finally {
    await engine.stop();
    await foundation.close();
  }
}

/** A table is made once when its read model is new, and once for each swap: each swap was asked for on record, and what is said to be done was. */
async function expectEverySwapOnRecord(): Promise<void> {
  const database = new Database(app.addresses.databaseUrl, { max: 1 });
  const swapped = await database.query<{ consumer: string; swaps: number }>(
    `select consumer, generation - 1 as swaps from engine.checkpoints where consumer = any($1)`,
    [readModels.map(consumerOf)],
  );
  await database.close();
  const url = new URL('/internal/operations/acts?group=projections&limit=200', app.addresses.internalUrl);
  const response = await fetch(url, { headers: signedHeaders({ method: 'GET', url }, app.addresses.internalKey) });
  const { acts } = (await response.json()) as { acts: { act: string; why: string; state: string; about: { consumer: string } }[] };
  const rebuilds = acts.filter(({ act, why }) => act === 'ReadModelRebuild' && why === 'spec');
  for (const { consumer, swaps } of swapped) {
    const asked = rebuilds.filter(({ about }) => about.consumer === consumer);
    expect(swaps).toBeGreaterThan(0);
    expect(asked.length).toBeGreaterThanOrEqual(swaps);
    expect(asked.filter(({ state }) => state === 'done').length).toBeLessThanOrEqual(swaps);
  }
}

describe('Every read model, rebuilt while fifty commands a second arrive', () => {
  it('comes back as the log says, killed ten times: no query fails or goes back in time, no mail, no call to Stripe', async () => {
    const world = await heldLesson();
    await withEvidence((evidence) => evidence.settled());
    const before = await outside();
    const sent = commands(world);
    const load = new Load(Object.values(sent), PER_SECOND);
    const watch = new Watch(app.addresses.databaseUrl, questions(world, load, sent), () => load.position);
    try {
      const { deaths, wentOn } = await rebuildAndKill(app.addresses.environmentFile, readModels.map(consumerOf), DEATHS);
      expect(deaths).toEqual(DEATHS.map(({ stage }) => stage));
      expect(wentOn).toBeGreaterThan(0);
    } finally {
      await load.stop();
      await watch.stop();
    }
    expect(load.failures).toEqual([]);
    expect(watch.faults).toEqual([]);
    await withEvidence(async (evidence) => {
      await evidence.settled();
      const rows = await evidence.rows();
      const fresh = await replayed();
      for (const [table, expected] of Object.entries(fresh)) expect({ table, rows: rows[table] }).toEqual({ table, rows: expected });
      expect(Object.values(rows).filter((found) => found.length > 0).length).toBeGreaterThan(20);
      expect(rows['matching.chat_messages']!.length).toBeGreaterThan(load.answered / 2);
    });
    expect(await outside()).toEqual(before);
    await expectEverySwapOnRecord();
  }, 180_000);
});
