import { createHash } from 'node:crypto';
import type { Database, Transaction } from '#infra/postgres/database.ts';
import { Lease } from '#infra/leases/lease.ts';
import type { Values } from './export-encoder.ts';
import { parquetEncoder } from './export-parquet.ts';
import { csvEncoder, ndjsonEncoder } from './export-text.ts';
import { type Column, quoted, type Table } from './tables.ts';

const ENCODERS = { csv: csvEncoder, ndjson: ndjsonEncoder, parquet: parquetEncoder };

export type ExportFormat = keyof typeof ENCODERS;

export const EXPORT_FORMATS = Object.keys(ENCODERS) as readonly ExportFormat[];

/** What was exported: enough to tell whether two exports hold the same, and from which code and which part of the log they came. */
export interface Manifest {
  readonly readModel: string;
  readonly version: number;
  readonly format: ExportFormat;
  readonly columns: readonly string[];
  /** Commit position up to which the log is in the rows, as a decimal string. */
  readonly position: string;
  readonly codeVersion: string;
  readonly rows: number;
  /** Of the bytes, in hex. */
  readonly sha256: string;
}

export interface ExportRequest {
  readonly database: Database;
  /** The table, and under which name and version its checkpoint is kept. */
  readonly source: { readonly consumer: string; readonly version: number; readonly table: Table };
  readonly format: ExportFormat;
  readonly codeVersion: string;
  /** Takes the next piece of the output; resolves when there is room for more. */
  readonly write: (piece: Buffer) => Promise<void>;
}

/** The table is being put in the place of another, or exported, at the moment. */
export class TableBusy extends Error {
  constructor(consumer: string) {
    super(`${consumer} is being rebuilt or exported by another process.`);
    this.name = 'TableBusy';
  }
}

const ROWS_AT_ONCE = 1_000;

/**
 * Writes the rows of a table as they are at one position, ordered by key: the same rows give the same bytes. A rebuild does not swap the
 * table meanwhile; the live engine goes on writing.
 */
export async function exportRows(request: ExportRequest): Promise<Manifest> {
  const { database, source } = request;
  // A rebuild takes the same lease: its swap would wait for the export, and every query for the swap.
  const lease = await Lease.take(database, `rebuild ${source.consumer}#next`);
  if (lease === undefined) throw new TableBusy(source.consumer);
  try {
    return await database.transaction((transaction) => exportWithin(transaction, request));
  } finally {
    await lease.release();
  }
}

async function exportWithin(transaction: Transaction, { source, format, codeVersion, write }: ExportRequest): Promise<Manifest> {
  const { consumer, version, table } = source;
  await transaction.query('set transaction isolation level repeatable read, read only');
  // Whoever reads the output may be slow.
  await transaction.query(`set local idle_in_transaction_session_timeout = '1h'`);
  // Before the snapshot is taken: afterwards the table could be another one than the checkpoint of the snapshot speaks of.
  await transaction.query(`lock table ${table.sql} in access share mode`);
  const [checkpoint] = await transaction.query<{ position: string }>(
    'select position::text as position from engine.checkpoints where consumer = $1 and version = $2',
    [consumer, version],
  );
  if (checkpoint === undefined) throw new Error(`${consumer} has no checkpoint of version ${version}.`);
  const key: Column = { field: 'key', name: 'key', type: 'text', nullable: false };
  const columns = [key, ...table.columns];
  await transaction.query(
    `declare exported no scroll cursor for
     select ${columns.map(({ name }) => quoted(name)).join(', ')} from ${table.sql} order by key collate "C"`,
  );
  const hash = createHash('sha256');
  const put = async (piece: Buffer): Promise<void> => {
    if (piece.length === 0) return;
    hash.update(piece);
    await write(piece);
  };
  const encoder = ENCODERS[format](columns);
  await put(encoder.begin());
  let rows = 0;
  for (;;) {
    const page = await transaction.query<Values>(`fetch ${ROWS_AT_ONCE} from exported`);
    if (page.length === 0) break;
    rows += page.length;
    await put(encoder.take(page));
  }
  await put(encoder.end());
  const names = columns.map(({ name }) => name);
  return {
    readModel: consumer,
    version,
    format,
    columns: names,
    position: checkpoint.position,
    codeVersion,
    rows,
    sha256: hash.digest('hex'),
  };
}
