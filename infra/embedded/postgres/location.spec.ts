import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { reachableBinary, settle } from './location.ts';

const stranger = { uid: 65_534, gid: 65_534 };

describe('where the files of Postgres lie', () => {
  let closed: string;
  let binary: string;
  const elsewhere: string[] = [];
  beforeEach(() => {
    closed = mkdtempSync(join(tmpdir(), 'closed-'));
    mkdirSync(join(closed, 'native', 'bin'), { recursive: true });
    mkdirSync(join(closed, 'native', 'lib'));
    binary = join(closed, 'native', 'bin', 'postgres');
    writeFileSync(binary, '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync('library.so.1', join(closed, 'native', 'lib', 'library.so'));
  });
  afterEach(() => {
    rmSync(closed, { recursive: true });
    for (const path of elsewhere.splice(0)) rmSync(path, { recursive: true });
  });

  it('is the given folder for an ordinary user', () => {
    expect(settle(join(closed, 'data'), undefined)).toBe(join(closed, 'data'));
    expect(reachableBinary(binary, undefined)).toBe(binary);
  });

  // Only root runs the server as somebody else.
  if (process.getuid?.() === 0) {
    it('is a place that the server reaches, when root starts it from a closed folder; programs keep their links to libraries', () => {
      const copy = reachableBinary(binary, stranger);
      elsewhere.push(dirname(dirname(copy)));
      expect(copy.startsWith(closed)).toBe(false);
      expect(readlinkSync(join(dirname(dirname(copy)), 'lib', 'library.so'))).toBe('library.so.1');
      expect(reachableBinary(binary, stranger)).toBe(copy);
    });

    it('is found again, and is missed loudly when it has been removed', () => {
      const dir = join(closed, 'data');
      const path = settle(dir, stranger);
      elsewhere.push(path);
      expect(path.startsWith(closed)).toBe(false);
      expect(settle(dir, stranger)).toBe(path);
      rmSync(path, { recursive: true });
      elsewhere.pop();
      expect(() => settle(dir, stranger)).toThrow('are gone');
    });

    it('is given back once the folder that it belonged to has been removed', () => {
      const left = settle(join(closed, 'one'), stranger);
      rmSync(join(closed, 'one'), { recursive: true });
      const kept = settle(join(closed, 'two'), stranger);
      elsewhere.push(kept, settle(join(closed, 'three'), stranger));
      expect([existsSync(left), existsSync(kept)]).toEqual([false, true]);
    });
  }
});
