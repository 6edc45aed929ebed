import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';

/** Opens a SQLite file in which a commit is on disk before it returns. */
export function openDatabase(file: string, schema: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file, { timeout: 5000 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  database.exec(schema);
  return database;
}

const statements = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/** The prepared statement for an SQL text, made once for each database: preparing costs as much as a small write. */
export function prepared(database: DatabaseSync, sql: string): StatementSync {
  const known = statements.get(database) ?? new Map<string, StatementSync>();
  statements.set(database, known);
  const statement = known.get(sql) ?? database.prepare(sql);
  known.set(sql, statement);
  return statement;
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

interface Waiting {
  /** Runs the work; the function that is returned tells the caller, once all is on disk. */
  run(): () => void;
  fail(error: unknown): void;
}

/** Puts the writes of callers that come at the same time into one commit: the disk is waited for once, not once for each. */
export class GroupCommit {
  private waiting: Waiting[] = [];

  constructor(private readonly database: DatabaseSync) {}

  /** Runs `work`, alone, in a transaction that may be shared; what it throws undoes its own writes only. Settles after the commit. */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setImmediate(() => this.flush());
      const run = (): (() => void) => {
        this.database.exec('SAVEPOINT caller');
        try {
          const result = work();
          this.database.exec('RELEASE caller');
          return () => resolve(result);
        } catch (error) {
          this.database.exec('ROLLBACK TO caller; RELEASE caller');
          return () => reject(error);
        }
      };
      this.waiting.push({ run, fail: reject });
    });
  }

  /** Commits now whatever waits; to be called before the database is closed. */
  flush(): void {
    const batch = this.waiting;
    if (batch.length === 0) return;
    this.waiting = [];
    try {
      const tell = inTransaction(this.database, () => batch.map(({ run }) => run()));
      for (const one of tell) one();
    } catch (error) {
      for (const { fail } of batch) fail(error);
    }
  }
}
