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
import { Platform } from './random-kills-platform.ts';
import { changeWeather, clearWeather } from './random-kills-weather.ts';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 12);
const SEED = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
/** A run that takes longer is judged by what it came to. */
const MINUTES = Number(process.env['KILL_MINUTES'] ?? 60);
const LONGEST_PAUSE_MS = 1_500;
const KILLS_OF_A_CLASS = 8;
const PATIENCE_MS = 300_000;
/** Who dies: one process or the whole system. */
const VICTIMS = { api: 38, engines: 42, both: 20 } as const;
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

/** Kills at a random moment and starts again: while everything serves, or while something is still starting. */
async function kill(chance: Chance): Promise<void> {
  if (chance.happens(0.75)) await platform.ready();
  await wait(chance.next() * LONGEST_PAUSE_MS);
  const victim = chance.weighted(VICTIMS);
  await platform.kill(victim === 'both' ? ['api', 'engines'] : [victim]);
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

it(`Killed ${ROUNDS} times at random while people book and pay and Stripe is in trouble: nothing is lost, nothing is done twice, every cent is there`, async () => {
  tell(`KILL_SEED=${SEED} KILL_ROUNDS=${ROUNDS}`);
  const chance = new Chance(SEED);
  people = new People(platform, chance.fork());
  await people.open(ROUNDS > 100 ? 4 : 1);
  await platform.operator.stripe('POST', 'funds', { amount: 100_000_000, currency: 'gbp' });
  await people.begin(ROUNDS > 100 ? 10 : 6);
  const begun = Date.now();
  const seconds = () => Math.round((Date.now() - begun) / 1000);
  let round = 0;
  for (; round < ROUNDS && seconds() < MINUTES * 60; round++) {
    if (chance.happens(0.5)) await changeWeather(platform.operator, chance);
    await kill(chance);
    if (round % KILLS_OF_A_CLASS === 0) people.nextClass();
    if (round % 50 === 49) tell(`${round + 1} kills in ${seconds()} s; ${people.receipts.bookings.length} bookings`);
    expect(people.complaints).toEqual([]);
    expect(platform.crashes).toEqual([]);
  }
  tell(`${round} kills in ${seconds()} s`);
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
  expect(people.complaints).toEqual([]);
  expect(platform.crashes).toEqual([]);
  expect(await evidence.parked()).toEqual([]);
  expect(await evidence.deadLetters()).toEqual([]);
  expect(await evidence.heldSlots()).toEqual([]);
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
  expect(findings.judge()).toEqual([]);
}, 4_500_000);
