/**
 * Our commands per second beside the vendor client's bare appends, on the embedded store, interleaved in one run.
 * `BENCH_SECONDS` is the length of a round (default 3), `BENCH_ROUNDS` their number (default 5), `BENCH_IN_FLIGHT` the concurrency (default 64).
 */
import 'reflect-metadata';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { NestFactory } from '@nestjs/core';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as newId } from 'uuid';
import { deciders } from '#domain/deciders.ts';
import { factProviders } from '#domain/facts.ts';
import { command } from '#domain/kernel/command.ts';
import { plus } from '#domain/kernel/time.ts';
import { openLessonChat, postLessonMessage } from '#domain/lessons/lesson-chat.ts';
import { Commands, CommandsModule } from '#infra/cqrs/commands.module.ts';
import type { CommandContext } from '#infra/cqrs/commands.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { interleaved, measured, printTable, ratio, type Sample } from './measure.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const inFlight = Number(process.env['BENCH_IN_FLIGHT'] ?? 64);

/** A message of a believable length. */
const TEXT = 'Could we go through question seven again? I got as far as the second step and then lost the sign.';
const student = newId();
const tutor = newId();

/** Circumstances as the edge makes them for a request of the student. */
function asked(): CommandContext {
  const commandId = newId();
  return { commandId, correlationId: commandId, causationId: commandId, source: 'command-api', by: { role: 'student', userId: student } };
}

/** The same event as a command writes, as it is stored, and the same metadata: what a program without any of our layers would append. */
function bareEvent(lessonId: string) {
  const id = newId();
  return jsonEvent({
    type: 'RealtimeMessageSent',
    data: {
      lessonId,
      studentId: student,
      tutorId: tutor,
      messageId: id,
      clientMessageId: id,
      senderId: student,
      text: `aes256gcm:${randomBytes(28 + TEXT.length).toString('base64')}`,
    },
    metadata: {
      eventVersion: '1.0',
      aggregateType: 'LessonChat',
      aggregateId: lessonId,
      timestamp: new Date().toISOString(),
      source: 'command-api',
      commandId: id,
      commandType: 'PostLessonMessage',
      role: 'student',
      userId: student,
      $correlationId: id,
      $causationId: id,
    },
  });
}

const dir = mkdtempSync(join(tmpdir(), 'bench-commands-'));
const store = await launchEventStore({ dir });
const bare = EventStoreDBClient.connectionString(store.connectionString);
const client = new EventStoreClient({ connectionString: store.connectionString });
const clock = new SystemClock();
const vault = new InMemoryVault();
const codec = new Codec({ deciders, vault });
const aggregates = new Aggregates({ deciders, factProviders, client, codec, vault, clock });
const app = await NestFactory.createApplicationContext(CommandsModule.forRoot(aggregates), { logger: ['error'] });
await app.init();
const commands = app.get(Commands);

const lessons = Array.from({ length: 4 * inFlight }, () => newId());
for (const lessonId of lessons) {
  const now = clock.now();
  const opening = command(openLessonChat, { lessonId, studentId: student, tutorId: tutor, startsAt: now, endsAt: plus(now, 3_600_000) });
  await commands.send(opening, { ...asked(), by: { role: 'system' } });
}
/** A worker goes round its own four lessons, so that no two operations at once are for one stream. */
const turns = new Uint32Array(inFlight);
const next = (worker: number): string => lessons[worker * 4 + (turns[worker]!++ & 3)]!;

async function bareAppend(revisions: Map<string, bigint>, lessonId: string): Promise<void> {
  const stream = `Bare-${lessonId}`;
  const { nextExpectedRevision } = await bare.appendToStream(stream, bareEvent(lessonId), {
    expectedRevision: revisions.get(stream) ?? 'no_stream',
  });
  revisions.set(stream, nextExpectedRevision);
}
const revisions = new Map<string, bigint>();
/** A command with its circumstances; one id is made for it, as for a bare event. */
function message(lessonId: string): [ReturnType<typeof command>, CommandContext] {
  const context = asked();
  return [command(postLessonMessage, { lessonId, clientMessageId: context.commandId, text: TEXT }), context];
}

const subjects: Record<'bare client' | 'aggregates' | 'bus', () => Promise<Sample>> = {
  'bare client': () => measured({ inFlight, seconds, operation: (worker) => bareAppend(revisions, next(worker)) }),
  aggregates: () => measured({ inFlight, seconds, operation: (worker) => aggregates.execute(...message(next(worker))) }),
  bus: () => measured({ inFlight, seconds, operation: (worker) => commands.send(...message(next(worker))) }),
};

try {
  const samples = await interleaved(subjects, rounds);
  process.stdout.write(
    `One command of a lesson's chat (personal text, encrypted), ${inFlight} in flight, ${rounds} rounds of ${seconds} s\n`,
  );
  printTable(samples);
  const ratios = {
    busToBareClient: ratio(samples.bus, samples['bare client']),
    aggregatesToBareClient: ratio(samples.aggregates, samples['bare client']),
  };
  process.stdout.write(`${JSON.stringify({ bench: 'commands', inFlight, ...ratios })}\n`);
} finally {
  await app.close();
  await client.close();
  await bare.dispose();
  await store.stop();
  rmSync(dir, { recursive: true, force: true });
}
