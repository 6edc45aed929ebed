import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { verify } from '../tools/verify.ts';
import { databaseFile } from './database-file.ts';
import type { EventLog } from './event-log.ts';
import type { LoggedEvent } from './logged-event.ts';
import { recordEvent } from './logged-event.ts';
import { memoryLog } from './memory-log.ts';
import { sqliteLog } from './sqlite-log.ts';

let dir: string;
const open: EventLog[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eventstore-log-'));
});

afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  rmSync(dir, { recursive: true, force: true });
});

function opened(): EventLog {
  const log = sqliteLog(dir);
  open.push(log);
  return log;
}

function write(log: EventLog, stream: string, size: number): void {
  const event = { id: randomUUID(), type: 'Written', isJson: false, data: Buffer.alloc(size, 1), customMetadata: Buffer.alloc(0) };
  log.write(recordEvent(event, stream, log.headOf(stream) + 1, log.end(), 0));
}

const summary = (events: readonly LoggedEvent[]) => events.map(({ stream, revision, position }) => `${stream}/${revision}@${position}`);

describe('the log in SQLite', () => {
  it('answers as the log in memory does, whatever is written and asked', async () => {
    const streams = fc.constantFrom('A', 'B', 'C');
    const writes = fc.array(fc.array(fc.tuple(streams, fc.integer({ min: 0, max: 400_000 })), { maxLength: 6 }), { maxLength: 8 });
    const questions = fc.array(fc.tuple(streams, fc.integer({ min: 0, max: 3_000_000 }), fc.integer({ min: 1, max: 20 })), {
      maxLength: 10,
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(writes, questions, async (batches, asked) => {
        round += 1;
        const folder = mkdtempSync(join(dir, `${round}-`));
        const [durable, memory] = [sqliteLog(folder), memoryLog()];
        for (const batch of batches) {
          for (const log of [durable, memory]) log.transaction(() => batch.forEach(([stream, size]) => write(log, stream, size)));
        }
        for (const [stream, from, limit] of asked) {
          const answers = [durable, memory].map((log) => [
            log.end(),
            log.headOf(stream),
            summary(log.readAllForwards(from, limit).slice(0, 2)),
            summary(log.readAllBackwards(from, limit).slice(0, 2)),
            summary(log.readStreamForwards(stream, from % 20, limit).slice(0, 2)),
            summary(log.readStreamBackwards(stream, from % 20, limit).slice(0, 2)),
          ]);
          expect(answers[0]).toEqual(answers[1]);
        }
        await durable.close();
      }),
      { numRuns: 30 },
    );
  });

  it('keeps nothing of a transaction that throws', () => {
    const log = opened();
    log.transaction(() => write(log, 'A', 10));
    const end = log.end();
    expect(() =>
      log.transaction(() => {
        write(log, 'A', 10);
        write(log, 'New', 10);
        throw new Error('No.');
      }),
    ).toThrow('No.');
    expect([log.end(), log.headOf('A'), log.headOf('New')]).toEqual([end, 0, -1]);
    log.transaction(() => write(log, 'New', 10));
    expect(summary(log.readAllForwards(0, 10))).toHaveLength(2);
  });

  it('hands out large events in pages of bounded size', () => {
    const log = opened();
    log.transaction(() => {
      for (let number = 0; number < 8; number += 1) write(log, 'A', 400_000);
    });
    for (const page of [log.readAllForwards(0, 100), log.readAllBackwards(log.end(), 100), log.readStreamForwards('A', 0, 100)]) {
      expect(page.length).toBeGreaterThan(0);
      expect(page.length).toBeLessThan(5);
    }
  });

  it('keeps its write-ahead log short while it is written to', async () => {
    const log = opened();
    for (let batch = 0; batch < 600; batch += 1) {
      log.transaction(() => {
        for (let number = 0; number < 20; number += 1) write(log, `Stream-${(batch * 7 + number) % 500}`, 10_000);
      });
      await log.sync();
      await nextTurn();
    }
    expect(statSync(`${databaseFile(dir)}-wal`).size).toBeLessThan(100 * 1024 * 1024);
    expect(verify(dir)).toMatchObject({ events: 12_000, faults: [] });
  });

  it('refuses a folder of another layout', () => {
    const database = new DatabaseSync(databaseFile(dir));
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(() => sqliteLog(dir)).toThrow('layout 99');
  });
});
