import pg from 'pg';

/** What both a database and a transaction can do. */
export interface Queryable {
  /** The rows of a statement. `name` makes it a prepared statement of the connection: use it for statements on hot paths, one name per text. */
  query<T extends object>(sql: string, params?: readonly unknown[], name?: string): Promise<T[]>;
  /** Runs a statement; how many rows it touched. Rejects, and gives the connection up, when there is no answer within `withinMs`. */
  execute(sql: string, params?: readonly unknown[], name?: string, withinMs?: number): Promise<number>;
}

/** A transaction under way; `client` is its connection, for COPY. */
export interface Transaction extends Queryable {
  readonly client: pg.PoolClient;
}

export interface DatabaseOptions {
  /** Most connections at once. */
  readonly max?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
}

/** How long an open transaction may do nothing before the server ends it: a frozen process must not hold its locks for ever. */
const IDLE_IN_TRANSACTION_MS = 5_000;
const CONNECT_WITHIN_MS = 10_000;

const parsers = new Map<number, (value: string) => unknown>([
  [pg.types.builtins.TIMESTAMPTZ, (value) => new Date(isoOf(value)).toISOString()],
  [pg.types.builtins.DATE, (value) => value],
  [pg.types.builtins.INT8, integerOf],
]);

/** Postgres writes `2026-11-22 08:30:00.5+00`; the `T` and the minutes of the zone make it ISO 8601. */
function isoOf(value: string): string {
  return value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');
}

function integerOf(value: string): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * A Postgres database. Values come back as the code uses them: `timestamptz` as ISO 8601 in UTC with milliseconds, `date` as
 * `YYYY-MM-DD`, `bigint` as a number (a JS bigint when it is not a safe integer), `jsonb` parsed.
 */
export class Database implements Queryable {
  readonly pool: pg.Pool;

  constructor(url: string, options: DatabaseOptions = {}) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: options.max ?? 20,
      application_name: options.applicationName ?? 'chalkstream',
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      types,
    });
    // The pool drops a connection that fails while idle and opens another when it is needed; without a listener the process would end.
    this.pool.on('error', () => undefined);
  }

  async query<T extends object>(sql: string, params: readonly unknown[] = [], name?: string): Promise<T[]> {
    return (await this.pool.query<T & pg.QueryResultRow>(statement(sql, params, name))).rows;
  }

  async execute(sql: string, params: readonly unknown[] = [], name?: string, withinMs?: number): Promise<number> {
    return (await this.pool.query(statement(sql, params, name, withinMs))).rowCount ?? 0;
  }

  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    // A connection that is cut while it is ours rejects the statement under way; this event says the same again.
    const alreadyReported = (): void => undefined;
    client.on('error', alreadyReported);
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const result = await work(transactionOn(client));
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((failure: Error) => {
        broken = failure;
      });
      throw error;
    } finally {
      client.off('error', alreadyReported);
      client.release(broken);
    }
  }

  /** Waits for the statements under way, then closes every connection. */
  async close(): Promise<void> {
    await this.pool.end();
  }
}

function transactionOn(client: pg.PoolClient): Transaction {
  return {
    client,
    query: async <T extends object>(sql: string, params: readonly unknown[] = [], name?: string) =>
      (await client.query<T & pg.QueryResultRow>(statement(sql, params, name))).rows,
    execute: async (sql, params = [], name, withinMs) => (await client.query(statement(sql, params, name, withinMs))).rowCount ?? 0,
  };
}

/** `query_timeout` is an option of the driver for single statements too, which its types leave out. */
type Statement = pg.QueryConfig & Pick<pg.ClientConfig, 'query_timeout'>;

function statement(text: string, params: readonly unknown[], name: string | undefined, withinMs?: number): Statement {
  return { text, values: params as unknown[], ...(name === undefined ? {} : { name }), query_timeout: withinMs };
}
