import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GroupCommit, openDatabase, prepared } from './database.ts';

describe('writes that share a commit', () => {
  let dir: string;
  let database: DatabaseSync;
  let onlooker: DatabaseSync;
  let commits: GroupCommit;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'database-spec-'));
    database = openDatabase(join(dir, 'x.sqlite'), 'CREATE TABLE words (word TEXT UNIQUE)');
    onlooker = new DatabaseSync(join(dir, 'x.sqlite'));
    commits = new GroupCommit(database);
  });
  afterEach(() => {
    onlooker.close();
    database.close();
    rmSync(dir, { recursive: true });
  });

  const add = (word: string) => commits.run(() => prepared(database, 'INSERT INTO words VALUES (?)').run(word).changes);
  const seen = () =>
    onlooker
      .prepare('SELECT word FROM words ORDER BY word')
      .all()
      .map((row) => row['word']);

  it('are on disk for everybody when the first caller hears of it', async () => {
    const [first, second] = [add('a'), add('b')];
    await first;
    expect(seen()).toEqual(['a', 'b']);
    await second;
  });

  it('are undone one by one', async () => {
    const failing = commits.run(() => {
      prepared(database, 'INSERT INTO words VALUES (?)').run('half');
      throw new Error('no');
    });
    const outcomes = await Promise.allSettled([add('a'), failing, add('a'), add('b')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(seen()).toEqual(['a', 'b']);
  });

  it('are all there after a flush, before anything is closed', () => {
    void add('a');
    commits.flush();
    expect(seen()).toEqual(['a']);
  });

  it('fail together when the commit fails', async () => {
    onlooker.exec('BEGIN IMMEDIATE');
    database.exec('PRAGMA busy_timeout = 1');
    expect((await Promise.allSettled([add('a'), add('b')])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    onlooker.exec('ROLLBACK');
    expect(seen()).toEqual([]);
  });
});
