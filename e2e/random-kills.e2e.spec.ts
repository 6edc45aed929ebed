import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DAY, plus } from '#domain/kernel/time.ts';
import { HOLD_FOR } from '#domain/lessons/tutor-calendar.ts';
import { Evidence } from './evidence.ts';
import { Chance } from './random-kills-chance.ts';
import { Judge } from './random-kills-judge.ts';
import { People } from './random-kills-people.ts';
import { parts, Platform, type Part } from './random-kills-platform.ts';
import { changeWeather, clearWeather } from './random-kills-weather.ts';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 12);
const SEED = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
/** A run that takes longer is judged by what it came to. */
const MINUTES = Number(process.env['KILL_MINUTES'] ?? 60);
/** Up to this long a process serves, in milliseconds, or as long as it took to start. The API has no second beside it. */
const SHORT_LIFE_MS = { api: 4_000, worker: 1_500 } as const;
const KILLS_OF_A_CLASS = 15;
const PATIENCE_MS = 300_000;
/** How often it is the whole system that dies, and not one of its processes. */
const WHOLE_SYSTEM = 0.07;
/** At once, for whoever watches a long run. */
const tell = (line: string) => process.stderr.write(`${line}\n`);

let dir: string;
let platform: Platform;
let evidence: Evidence;
let people: People;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'random-kills-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
  platform = await Platform.start(dir);
  evidence = new Evidence(platform.addresses, platform.operator);
}, 120_000);
afterAll(async () => {
  people?.abandon();
  await evidence?.close();
  await platform?.stop();
  if (process.env['KILL_KEEP'] === undefined) rmSync(dir, { recursive: true, force: true });
});

/**
 * Kills a part again and again, at random moments, for as long as it may: while it serves or, now and then, while it is still starting; and now
 * and then the whole system at once. Each part has a killer of its own, so that one may die while another is coming back.
 */
async function haunt(part: Part, chance: Chance, mayKill: () => Promise<boolean>): Promise<void> {
  for (let startMs = 0; await mayKill();) {
    if (chance.happens(0.85)) startMs = await platform.started(part);
    // Where a start takes long, because the machine is busy, so does everything: a life must be long enough for something to be done in it.
    await wait(chance.next() * Math.max(startMs, SHORT_LIFE_MS[part === 'api' ? 'api' : 'worker']));
    await platform.kill(chance.happens(WHOLE_SYSTEM) ? parts : [part]);
  }
}

/** Resolves when Stripe has told everything and everything that follows from it has been done. */
async function rest(): Promise<void> {
  await evidence.retryWhatFailed();
  for (const deadline = Date.now() + PATIENCE_MS; ; await wait(100)) {
    const undelivered = (await evidence.webhooks()).filter(({ delivered }) => !delivered).length;
    if (undelivered === 0) break;
    if (Date.now() > deadline) throw new Error(`${undelivered} webhooks were not delivered`);
  }
  await evidence.settled(PATIENCE_MS);
}

async function judge(): Promise<Judge> {
  const [events, mails, ledger] = await Promise.all([evidence.events(), evidence.mails(), evidence.ledger()]);
  const kinds = ['payment_intent', 'charge', 'refund', 'transfer', 'transfer_reversal'] as const;
  const objects = await Promise.all(kinds.map(async (kind) => [kind, await evidence.stripeObjects(kind)] as const));
  const stripe = Object.fromEntries(objects) as Record<(typeof kinds)[number], (typeof objects)[number][1]>;
  return new Judge({ events, mails, stripe, receipts: people.receipts, ledger });
}

it('Killed at random moments while people book and pay and Stripe is in trouble, it loses nothing, does nothing twice and accounts for every cent', async () => {
  tell(`KILL_SEED=${SEED} KILL_ROUNDS=${ROUNDS}`);
  const chance = new Chance(SEED);
  people = new People(platform, chance.fork());
  await people.open(ROUNDS > 100 ? 3 : 1);
  await platform.operator.stripe('POST', 'funds', { amount: 100_000_000, currency: 'gbp' });
  await people.begin(ROUNDS > 100 ? 8 : 6);
  const begun = Date.now();
  const seconds = () => Math.round((Date.now() - begun) / 1000);
  let kills = 0;
  const mayKill = async (): Promise<boolean> => {
    expect(people.complaints).toEqual([]);
    expect(platform.crashes).toEqual([]);
    if (kills === ROUNDS || seconds() > MINUTES * 60) return false;
    kills += 1;
    if (kills % 50 === 0) tell(`kill ${kills} after ${seconds()} s; ${people.receipts.bookings.length} bookings`);
    if (kills % KILLS_OF_A_CLASS === 0) people.nextClass();
    if (chance.happens(0.4)) await changeWeather(platform.operator, chance);
    return true;
  };
  await Promise.all(parts.map((part) => haunt(part, chance.fork(), mayKill)));
  tell(`${kills} kills in ${seconds()} s`);
  await clearWeather(platform.operator);
  await platform.ready();
  await people.end();
  tell(`everybody is done after ${seconds()} s`);
  await rest();
  // Whoever has not paid loses the time; then all lessons are over, and the tutors are paid.
  for (const further of [HOLD_FOR, 20 * DAY, 4 * DAY]) {
    await platform.operator.moveClockTo(plus(platform.operator.time(), further + 1));
    await rest();
  }
  const findings = await judge();
  const counted = [
    'BookingInitiated',
    'LessonConfirmed',
    'BookingFailed',
    'PaymentProcessed',
    'PaymentRefunded',
    'TutorPayoutSent',
    'TransferReversed',
  ];
  tell(
    [
      ...counted.map((type) => `${type} ${findings.count(type)}`),
      ...[...people.refusals].map(([code, times]) => `${code} ${times}`),
      `mails ${findings.count('MailSent')}`,
      `webhooks ${(await evidence.webhooks()).length}`,
      `${seconds()} s in all`,
    ].join(', '),
  );
  // All at once: of a run that took long, everything is to be known.
  expect({
    complaints: people.complaints,
    crashes: platform.crashes,
    parked: await evidence.parked(),
    deadLetters: await evidence.deadLetters(),
    heldSlots: await evidence.heldSlots(),
    faults: findings.judge(),
  }).toEqual({ complaints: [], crashes: [], parked: [], deadLetters: [], heldSlots: [], faults: [] });
}, 4_500_000);
