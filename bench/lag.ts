/**
 * Lag of the whole embedded system, end to end: from the answer to a command to its row in Postgres and to its frame on a WebSocket, at half of the
 * load that the system bears. `BENCH_SECONDS` (default 10) at that load; `BENCH_IN_FLIGHT` (default 16) at once to find out what it bears.
 */
import 'reflect-metadata';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { v7 as newId } from 'uuid';
import { WebSocket } from 'ws';
import { command, SYSTEM, type Actor } from '#domain/kernel/command.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { channelOf, chatMessageId, createChatChannel, postChatMessage } from '#domain/matching/chat-channel.ts';
import { establishMatch } from '#domain/matching/student-tutor-match.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import type { CommandContext } from '#infra/cqrs/commands.ts';
import { Database } from '#infra/postgres/database.ts';
import { startEmbedded } from '../app/embedded/embedded.ts';
import { measured, percentile, printRows } from './measure.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 10);
const inFlight = Number(process.env['BENCH_IN_FLIGHT'] ?? 16);
const text = 'Could we go through question seven again? I got as far as the second step and then lost the sign.';
/** Between two looks for rows, in milliseconds: what the row lag is known to. */
const LOOK_MS = 2;
const PATIENCE_MS = 10_000;

const dir = mkdtempSync(join(tmpdir(), 'bench-lag-'));
// Open to the database server's own user, so that its files lie in here and go with it.
chmodSync(dir, 0o755);
const embedded = await startEmbedded({ dir, environment: { PUBLIC_PORT: '0', INTERNAL_PORT: '0', LOG_LEVEL: 'error' } });
const { system, addresses } = embedded;
const watching = new Database(addresses.databaseUrl, { max: 2, applicationName: 'bench-lag' });

function by(actor: Actor): CommandContext {
  const commandId = newId();
  return { commandId, correlationId: commandId, causationId: commandId, source: 'bench', by: actor };
}

const tutorId = newId();
const students = Array.from({ length: inFlight }, () => newId());
const channels: string[] = [];
for (const studentId of students) {
  const matchId = pairId(studentId, tutorId);
  const channelId = channelOf(matchId);
  await system.commands.send(command(establishMatch, { matchId, studentId, tutorId }), by(SYSTEM));
  await system.commands.send(command(createChatChannel, { channelId, matchId, members: { studentId, tutorId } }), by(SYSTEM));
  channels.push(channelId);
}

/** Posts a message; its id. */
async function post(worker: number): Promise<string> {
  const [studentId, channelId] = [students[worker % inFlight]!, channels[worker % inFlight]!];
  const context = by({ role: 'student', userId: studentId });
  await system.commands.send(command(postChatMessage, { channelId, clientMessageId: context.commandId, text }), context);
  return chatMessageId(channelId, studentId, context.commandId);
}

/** When each message was answered, seen as a row, and received as a frame. */
const answered = new Map<string, number>();
const framed = new Map<string, number>();
const stored = new Map<string, number>();

const { ticket } = await new Tickets(system.foundation.database).issue({ role: 'tutor', userId: tutorId });
const socket = new WebSocket(`ws://127.0.0.1:${system.publicPort}/ws?ticket=${ticket}`);
socket.on('message', (raw) => {
  const { data } = JSON.parse(String(raw)) as { data?: { messageId?: string } };
  if (data?.messageId !== undefined) framed.set(data.messageId, performance.now());
});
await new Promise<void>((resolve, reject) => {
  socket.once('open', resolve);
  socket.once('error', reject);
});

let watchingRows = true;
const looking = (async () => {
  while (watchingRows) {
    const waiting = [...answered.keys()].filter((id) => !stored.has(id));
    if (waiting.length > 0) {
      const rows = await watching.query<{ key: string }>('select key from matching.chat_messages where key = any($1)', [waiting], 'seen');
      const now = performance.now();
      for (const { key } of rows) stored.set(key, now);
    }
    await delay(LOOK_MS);
  }
})();

/** Lags in milliseconds to a tenth, from the answer on; what was there before the answer has none. Throws when something never came. */
function lags(seen: ReadonlyMap<string, number>): { p50: number; p99: number; most: number } {
  const missing = [...answered.keys()].filter((id) => !seen.has(id)).length;
  if (missing > 0) throw new Error(`${missing} of ${answered.size} messages did not arrive within ${PATIENCE_MS} ms`);
  const sorted = [...answered].map(([id, at]) => Math.max(0, seen.get(id)! - at)).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(10 * percentile(sorted, share)) / 10;
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

try {
  await measured({ inFlight, seconds: 2, operation: post });
  const most = await measured({ inFlight, seconds: 3, operation: post });
  const rate = most.perSecond / 2;
  await delay(2_000);
  const sending: Promise<void>[] = [];
  const begin = performance.now();
  for (let nth = 0; nth / rate < seconds; nth++) {
    const early = begin + (nth / rate) * 1_000 - performance.now();
    if (early > 0) await delay(early);
    sending.push(post(nth).then((id) => void answered.set(id, performance.now())));
  }
  await Promise.all(sending);
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await delay(20)) {
    if ([...answered.keys()].every((id) => stored.has(id) && framed.has(id))) break;
  }
  const [rows, frames] = [lags(stored), lags(framed)];
  console.log(`${answered.size} commands at ${Math.round(rate)}/s, half of what ${inFlight} at once reach; milliseconds from the answer`);
  const row = (name: string, { p50, p99, most }: typeof rows): string[] => [name, String(p50), String(p99), String(most)];
  printRows([['', 'p50 ms', 'p99 ms', 'most ms'], row('to the row', rows), row('to the frame', frames)]);
  console.log(
    JSON.stringify({
      bench: 'lag',
      perSecond: Math.round(rate),
      rowP50Ms: rows.p50,
      rowP99Ms: rows.p99,
      frameP50Ms: frames.p50,
      frameP99Ms: frames.p99,
    }),
  );
} finally {
  watchingRows = false;
  await looking;
  socket.terminate();
  await watching.close();
  await embedded.stop();
  rmSync(dir, { recursive: true, force: true });
}
