import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { verify } from '../tools/verify.ts';
import type { EventLog } from './event-log.ts';
import { fileLog } from './file-log.ts';
import { logFile } from './log-file.ts';
import type { LoggedEvent } from './logged-event.ts';
import { recordEvent } from './logged-event.ts';
import { memoryLog } from './memory-log.ts';

let dir: string;
const open: EventLog[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eventstore-log-'));
});

afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  jest.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

function opened(): EventLog {
  const log = fileLog(dir);
  open.push(log);
  return log;
}

function write(log: EventLog, stream: string, size: number, createdAt = 0): void {
  const event = { id: randomUUID(), type: 'Written', isJson: false, data: Buffer.alloc(size, 1), customMetadata: Buffer.alloc(0) };
  log.write(recordEvent(event, stream, log.headOf(stream) + 1, log.end(), createdAt));
}

const summary = (events: readonly LoggedEvent[]) => events.map(({ stream, revision, position }) => `${stream}/${revision}@${position}`);

describe('the log in a file', () => {
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
        const [durable, memory] = [fileLog(folder), memoryLog()];
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

  it('gives up the memory of what the index has taken in, and finds it all the same', async () => {
    const log = opened();
    for (let batch = 0; batch < 300; batch += 1) {
      log.transaction(() => {
        for (let number = 0; number < 20; number += 1) write(log, `Stream-${(batch * 7 + number) % 500}`, 10_000);
      });
      await log.sync();
    }
    expect(verify(dir)).toMatchObject({ events: 6000, faults: [] });
    expect(log.readStreamForwards('Stream-7', 0, 100).map(({ revision }) => revision)).toEqual([
      ...Array(log.headOf('Stream-7') + 1).keys(),
    ]);
    const [first, second] = log.readAllForwards(0, 10);
    const beside = [0, 1, 30, 5000].map((bytes) => log.readAllForwards((first?.position ?? 0) + bytes, 1)[0]?.position);
    expect(beside).toEqual([first?.position, second?.position, second?.position, second?.position]);
    const [last] = log.readAllBackwards(second?.position ?? 0, 1);
    expect(last?.position).toBe(first?.position);
  });

  it('takes in no more than memory may hold while the index cannot follow, and goes on when it can', async () => {
    const log = opened();
    const fill = (): void => {
      for (let number = 0; number < 60; number += 1) log.transaction(() => write(log, 'A', 1_000_000));
    };
    fill();
    await log.sync();
    const index = new DatabaseSync(join(dir, 'index.sqlite'));
    index.exec('ALTER TABLE events RENAME TO elsewhere');
    const failedTwice = new Promise<void>((resolve) => {
      let failures = 0;
      jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
        if (String(text).includes('could not follow') && ++failures === 2) resolve();
        return true;
      });
    });
    fill();
    let synced = false;
    const sync = log.sync().then(() => (synced = true));
    await failedTwice;
    expect(synced).toBe(false);
    index.exec('ALTER TABLE elsewhere RENAME TO events');
    index.close();
    await sync;
    expect(log.readStreamForwards('A', 0, 100)[0]?.revision).toBe(0);
  });

  it('opens with everything that was synced, and makes an index that is lost or damaged again', async () => {
    const before = fileLog(dir);
    before.transaction(() => {
      for (let number = 0; number < 100; number += 1) write(before, `Stream-${number % 7}`, 1000);
    });
    await before.sync();
    const all = summary(before.readAllForwards(0, 200));
    await before.close();
    const index = join(dir, 'index.sqlite');
    const damages = [() => rmSync(index), () => writeFileSync(index, 'not a database'), () => truncateSync(index, 5000)];
    for (const damage of damages) {
      damage();
      const again = fileLog(dir);
      expect(summary(again.readAllForwards(0, 200))).toEqual(all);
      expect(again.readStreamBackwards('Stream-3', 100, 100)).toHaveLength(14);
      await again.close();
      expect(verify(dir)).toMatchObject({ events: 100, faults: [] });
    }
  });

  it('drops a commit that was cut off anywhere, and nothing before it', async () => {
    const log = fileLog(dir);
    log.transaction(() => write(log, 'A', 100));
    await log.sync();
    const whole = log.end();
    log.transaction(() => [100, 200, 300].forEach((size) => write(log, 'A', size)));
    const end = log.end();
    await log.close();
    const bytes = readFileSync(logFile(dir));
    const cuts = fc.integer({ min: whole + 1, max: end - 3 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (cut, zeros) => {
        const folder = mkdtempSync(join(dir, 'cut-'));
        // A crash of the machine may also leave a file of full length whose end never reached the disk.
        writeFileSync(logFile(folder), zeros ? Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(end - cut)]) : bytes.subarray(0, cut));
        const again = fileLog(folder);
        expect([again.end(), again.headOf('A')]).toEqual([whole, 0]);
        again.transaction(() => write(again, 'A', 5));
        await again.close();
        expect(verify(folder)).toMatchObject({ events: 2, faults: [] });
      }),
      { numRuns: 25 },
    );
  });

  it('takes the zeros behind a log that nobody closed for nothing', async () => {
    const log = opened();
    log.transaction(() => [100, 200, 300].forEach((size) => write(log, 'A', size)));
    await log.sync();
    const folder = mkdtempSync(join(dir, 'left-'));
    copyFileSync(logFile(dir), logFile(folder));
    expect(statSync(logFile(folder)).size).toBeGreaterThan(log.end());
    for (const readable of [dir, folder]) expect(verify(readable)).toMatchObject({ events: 3, bytes: log.end(), faults: [] });
    const again = fileLog(folder);
    expect([again.end(), again.headOf('A')]).toEqual([log.end(), 2]);
    await again.close();
    expect(statSync(logFile(folder)).size).toBe(log.end());
  });

  it('makes the index again when it knows more than a log that was put back', async () => {
    const log = fileLog(dir);
    log.transaction(() => write(log, 'A', 100));
    await log.sync();
    const end = log.end();
    const folder = mkdtempSync(join(dir, 'put-back-'));
    copyFileSync(logFile(dir), logFile(folder));
    log.transaction(() => write(log, 'A', 100));
    await log.sync();
    await log.close();
    copyFileSync(join(dir, 'index.sqlite'), join(folder, 'index.sqlite'));
    const lost = `The index knows events up to ${log.end()}`;
    expect(verify(folder).faults.join()).toContain(lost);
    const said = jest.spyOn(process.stderr, 'write');
    const again = fileLog(folder);
    expect(said.mock.calls.join()).toContain(lost);
    expect([again.end(), again.headOf('A')]).toEqual([end, 0]);
    again.transaction(() => write(again, 'A', 5));
    await again.close();
    expect(verify(folder)).toMatchObject({ events: 2, faults: [] });
  });

  /** A log of commits of one event each, with a changed byte in the one of this number. The index is lost, or knows them all. */
  async function damaged(commits: readonly { size: number; at: number }[], number: number, index: 'lost' | 'there') {
    const log = fileLog(dir);
    for (const { size, at } of commits) log.transaction(() => write(log, 'A', size, at));
    await log.sync();
    const { position } = log.readStreamForwards('A', number, 1)[0] ?? { position: 0 };
    await log.close();
    const bytes = readFileSync(logFile(dir));
    bytes[position + 90] = (bytes[position + 90] ?? 0) ^ 1;
    writeFileSync(logFile(dir), bytes);
    if (index === 'lost') rmSync(join(dir, 'index.sqlite'));
    return { position, bytes };
  }

  it('keeps what it cuts off, whole commits behind a gap too', async () => {
    const commits = Array.from({ length: 5 }, (_, at) => ({ size: 100_000, at }));
    const { position, bytes } = await damaged(commits, 2, 'lost');
    expect(opened().headOf('A')).toBe(1);
    expect(readFileSync(`${logFile(dir)}.cut-${position}`).equals(bytes.subarray(position))).toBe(true);
  });

  it.each([
    ['more commits follow it than a crash leaves', Array.from({ length: 40 }, () => ({ size: 500_000, at: 0 })), 2, 'lost'],
    ['commits follow it for longer than a sync lasts', Array.from({ length: 5 }, (_, n) => ({ size: 100, at: n * 40_000 })), 1, 'lost'],
    ['the index knows that it was whole', [1, 2, 3].map(() => ({ size: 100, at: 0 })), 2, 'there'],
  ] as const)('does not start on damage when %s, and changes nothing', async (_why, commits, number, index) => {
    const { position, bytes } = await damaged(commits, number, index);
    for (let start = 0; start < 2; start += 1) expect(() => fileLog(dir)).toThrow(`is damaged at ${position}, and not by a crash`);
    expect(readFileSync(logFile(dir)).equals(bytes)).toBe(true);
    truncateSync(logFile(dir), position);
    expect(opened().headOf('A')).toBe(number - 1);
  });

  it('takes a commit that fits on a disk that is too full for the zeros behind it, and refuses one that does not', () => {
    const script = `
      import { fileLog } from ${JSON.stringify(new URL('./file-log.ts', import.meta.url).href)};
      import { recordEvent } from ${JSON.stringify(new URL('./logged-event.ts', import.meta.url).href)};
      const log = fileLog(process.argv[1]);
      const outcomes = [300_000, 300_000, 900_000, 300_000].map((size) => {
        const event = { id: crypto.randomUUID(), type: 'Written', isJson: false, data: Buffer.alloc(size, 1), customMetadata: Buffer.alloc(0) };
        try {
          log.transaction(() => log.write(recordEvent(event, 'A', log.headOf('A') + 1, log.end(), 0)));
          return 'written';
        } catch (error) {
          return error.code;
        }
      });
      await log.close();
      console.log(outcomes.join());`;
    // The process may not write files of more than 1200 KiB.
    const limited = ['-c', 'ulimit -f 1200; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', script, dir];
    expect(execFileSync('bash', limited, { encoding: 'utf8', stdio: 'pipe' }).trim()).toBe('written,written,EFBIG,written');
    expect(verify(dir)).toMatchObject({ events: 3, faults: [] });
  });

  it('refuses a file of somebody else, and a folder of another layout', () => {
    writeFileSync(logFile(dir), 'x'.repeat(100));
    expect(() => fileLog(dir)).toThrow('is not an event log');
    writeFileSync(join(dir, 'events.sqlite'), '');
    expect(() => fileLog(dir)).toThrow('layout 1');
  });
});
