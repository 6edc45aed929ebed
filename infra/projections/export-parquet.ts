import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { ColumnType } from '#domain/kernel/consumer.ts';
import type { Encoder, Values } from './export-encoder.ts';
import type { Column } from './tables.ts';

/** Rows of one row group: all that is ever in memory, and what a reader fetches at once. A fixed number, so that the same rows give the same bytes. */
export const ROWS_OF_A_GROUP = 20_000;

/** Parquet with a row group for every 20,000 rows, compressed with Snappy; times are in UTC, JSON is text that says so. */
export function parquetEncoder(columns: readonly Column[]): Encoder {
  const bytes = new Pieces();
  const schema = [{ name: 'row', num_children: columns.length }, ...columns.flatMap(elementsOf)];
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'chalkstream' });
  let waiting: Values[] = [];
  const writeGroup = (): void => {
    const columnData = columns.map(({ name, type }) => ({ name, data: waiting.map((row) => stored(type, row[name])) }));
    void writer.write({ columnData, rowGroupSize: ROWS_OF_A_GROUP });
    waiting = [];
  };
  return {
    begin: () => bytes.piece(),
    take: (page) => {
      for (const row of page) if (waiting.push(row) === ROWS_OF_A_GROUP) writeGroup();
      return bytes.piece();
    },
    end: () => {
      if (waiting.length > 0) writeGroup();
      void writer.finish();
      return bytes.piece();
    },
  };
}

/** Collects what the writer writes, to be taken piece by piece. */
class Pieces extends ByteWriter {
  piece(): Buffer {
    const piece = Buffer.from(this.getBytes());
    this.index = 0;
    return piece;
  }
}

const TYPES: Readonly<Record<Exclude<ColumnType, 'text[]'>, Omit<SchemaElement, 'name'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  // As text, like the keys that it is joined with.
  uuid: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  integer: { type: 'INT32' },
  bigint: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  instant: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
  date: { type: 'INT32', converted_type: 'DATE' },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
};

function elementsOf({ name, type, nullable }: Column): SchemaElement[] {
  const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED';
  if (type !== 'text[]') return [{ name, repetition_type, ...TYPES[type] }];
  return [
    { name, repetition_type, converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  ];
}

/** A value as the writer takes it for its column. */
function stored(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type === 'bigint') return BigInt(value as number | bigint);
  if (type === 'instant' || type === 'date') return new Date(value as string);
  return value;
}
