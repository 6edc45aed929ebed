/**
 * Our commands per second, over the bus and over HTTP, beside the vendor client's bare appends, on the embedded store, interleaved in one run.
 * `BENCH_SECONDS` is the length of a round (default 3), `BENCH_ROUNDS` their number (default 5), `BENCH_IN_FLIGHT` the concurrency (default 64).
 */
import 'reflect-metadata';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChannelsController } from '#command-api/matching/channels.controller.ts';
import { deciders } from '#domain/deciders.ts';
import { factProviders } from '#domain/facts.ts';
import { command, SYSTEM, type CommandMessage } from '#domain/kernel/command.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { channelOf, createChatChannel, postChatMessage } from '#domain/matching/chat-channel.ts';
import { establishMatch } from '#domain/matching/student-tutor-match.ts';
import { Commands, CommandsModule } from '#infra/cqrs/commands.module.ts';
import type { CommandContext } from '#infra/cqrs/commands.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { part } from '#infra/event-store/connection.ts';
import { newId } from '#infra/http/new-id.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { startLoader } from './http-loader.ts';
import { bareServer, ourServer, type BenchServer } from './http-servers.ts';
import { interleaved, measured, printTable, ratio, type Sample } from './measure.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const inFlight = Number(process.env['BENCH_IN_FLIGHT'] ?? 64);

/** Channels that each worker or connection goes round by itself, so that no two operations at once are for one stream. */
const EACH = 4;
const text = 'Could we go through question seven again? I got as far as the second step and then lost the sign.';
const studentId = newId();

/** Circumstances as the edge makes them. */
function asked(by: CommandContext['by']): CommandContext {
  const commandId = newId();
  return { commandId, correlationId: commandId, causationId: commandId, source: 'command-api', by };
}

/** What the command writes, as it is stored, with the same metadata: an append without any of our layers. */
function bareEvent(channelId: string) {
  const id = newId();
  return jsonEvent({
    type: 'ChatMessagePosted',
    data: {
      channelId,
      clientMessageId: id,
      text: `aes256gcm:${randomBytes(28 + text.length).toString('base64')}`,
      members: { studentId, tutorId: id },
      messageId: id,
      senderId: studentId,
    },
    metadata: {
      eventVersion: '1.0',
      aggregateType: 'ChatChannel',
      aggregateId: channelId,
      timestamp: new Date().toISOString(),
      source: 'command-api',
      commandId: id,
      commandType: 'PostChatMessage',
      role: 'student',
      userId: studentId,
      $correlationId: id,
      $causationId: id,
    },
  });
}

const dir = mkdtempSync(join(tmpdir(), 'bench-commands-'));
const store = await launchEventStore({ dir });
const bare = EventStoreDBClient.connectionString(store.connectionString);
const client = new EventStoreClient({ connectionString: store.connectionString });
const vault = new InMemoryVault();
const codec = new Codec({ deciders, vault });
const aggregates = new Aggregates({ deciders, factProviders, client, codec, vault, clock: new SystemClock() });
const app = await NestFactory.createApplicationContext(CommandsModule.forRoot(aggregates), { logger: ['error'] });
await app.init();
const commands = app.get(Commands);

/** Opens the channel of a new match, as the policies do. */
async function newChannel(): Promise<string> {
  const tutorId = newId();
  const matchId = pairId(studentId, tutorId);
  const channelId = channelOf(matchId);
  await commands.send(command(establishMatch, { matchId, studentId, tutorId }), asked(SYSTEM));
  await commands.send(command(createChatChannel, { channelId, matchId, members: { studentId, tutorId } }), asked(SYSTEM));
  return channelId;
}
const channels: string[][] = [];
for (let worker = 0; worker < inFlight; worker++) channels.push(await Promise.all(Array.from({ length: EACH }, newChannel)));
const turns = new Uint32Array(inFlight);
const next = (worker: number): string => channels[worker]![turns[worker]!++ % EACH]!;

const revisions = new Map<string, bigint>();
async function bareAppend(channelId: string): Promise<void> {
  const stream = `Bare-${channelId}`;
  const expectedRevision = revisions.get(stream) ?? 'no_stream';
  const { nextExpectedRevision } = await bare.appendToStream(stream, bareEvent(channelId), { expectedRevision });
  revisions.set(stream, nextExpectedRevision);
}

/** A command with its circumstances; one id is made for it, as for a bare event. */
function message(channelId: string): [CommandMessage, CommandContext] {
  const context = asked({ role: 'student', userId: studentId });
  return [command(postChatMessage, { channelId, clientMessageId: context.commandId, text }), context];
}

const loader = startLoader();
const paths = channels.map((mine) => mine.map((id) => `/channels/${id}/messages`));
const overHttp = (server: BenchServer): Promise<Sample> => loader.load(server, { paths, body: { text }, seconds });

const bareHttp = await bareServer(bare, bareEvent);

@Module({ imports: [CommandsModule.forRoot(aggregates)], controllers: [ChannelsController] })
class Channels {}
const ourHttp = await ourServer(Channels, studentId);

const subjects: Record<'bare client' | 'our bus' | 'bare Fastify' | 'our HTTP', () => Promise<Sample>> = {
  'bare client': () => measured({ inFlight, seconds, operation: (worker) => bareAppend(next(worker)) }),
  'our bus': () => measured({ inFlight, seconds, operation: (worker) => commands.send(...message(next(worker))) }),
  // The same requests, token and all: reading their bytes is no work of ours.
  'bare Fastify': () => overHttp({ ...bareHttp, headers: ourHttp.headers }),
  'our HTTP': () => overHttp(ourHttp),
};

try {
  const samples = await interleaved(subjects, rounds);
  process.stdout.write(`PostChatMessage (personal text, encrypted), ${inFlight} at once, ${rounds} rounds of ${seconds} s; times in ms\n`);
  printTable(samples);
  const ratios = {
    busToBareClient: ratio(samples['our bus'], samples['bare client']),
    httpToBareFastify: ratio(samples['our HTTP'], samples['bare Fastify']),
  };
  process.stdout.write(`${JSON.stringify({ bench: 'commands', inFlight, ...ratios })}\n`);
} finally {
  await loader.stop();
  await Promise.all([bareHttp.close(), ourHttp.close()]);
  await app.close();
  await client.close();
  await part(bare);
  await store.stop();
  rmSync(dir, { recursive: true, force: true });
}
