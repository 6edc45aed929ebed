import { describe, expect, it } from '@jest/globals';
import { parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { parquetEncoder, ROWS_OF_A_GROUP } from './export-parquet.ts';
import type { Values } from './export-encoder.ts';
import type { Column } from './tables.ts';

const column = (name: string, type: Column['type'], nullable = false): Column => ({ field: name, name, type, nullable });

const columns: readonly Column[] = [
  column('key', 'text'),
  column('id', 'uuid'),
  column('times', 'integer', true),
  column('amount', 'bigint', true),
  column('share', 'double'),
  column('done', 'boolean'),
  column('at', 'instant', true),
  column('day', 'date', true),
  column('more', 'json', true),
  column('tags', 'text[]', true),
];

const full: Values = {
  key: 'é "quoted"\n',
  id: '01939a00-0000-7000-8000-0000000000c1',
  times: -7,
  amount: 9_007_199_254_740_993n,
  share: 0.125,
  done: true,
  at: '2026-11-22T08:30:00.125Z',
  day: '2026-11-22',
  more: { b: [1, 'x', null], a: {} },
  tags: ['x,y', '', 'z'],
};
const sparse: Values = { ...full, key: 'k', times: null, amount: null, done: false, at: null, day: null, more: null, tags: null };
const small: Values = { ...full, key: 'l', amount: 12, more: 'text', tags: [] };

/** Encodes rows in pages of a size; the file, and its pieces as they came. */
function encoded(rows: readonly Values[], pageSize: number): { file: ArrayBuffer; pieces: readonly Buffer[] } {
  const encoder = parquetEncoder(columns);
  const pieces = [encoder.begin()];
  for (let from = 0; from < rows.length; from += pageSize) pieces.push(encoder.take(rows.slice(from, from + pageSize)));
  pieces.push(encoder.end());
  return { file: Uint8Array.from(Buffer.concat(pieces)).buffer, pieces };
}

describe('Parquet', () => {
  it('holds every kind of value as it was, in a column of its type', async () => {
    const { file } = encoded([full, sparse, small], 2);
    const read = (await parquetReadObjects({ file })) as unknown[];
    const asRead = (row: Values) => ({
      ...row,
      amount: row['amount'] === null ? null : BigInt(row['amount'] as number),
      at: row['at'] === null ? null : new Date(row['at'] as string),
      day: row['day'] === null ? null : new Date(row['day'] as string),
      // How this reader says that there is no list.
      tags: row['tags'] ?? undefined,
    });
    expect(read).toEqual([full, sparse, small].map(asRead));
    const declared = parquetSchema(parquetMetadata(file)).children.map(({ element }) => element);
    expect(declared.map(({ name, repetition_type }) => [name, repetition_type])).toEqual(
      columns.map(({ name, nullable }) => [name, nullable ? 'OPTIONAL' : 'REQUIRED']),
    );
    expect(declared.map(({ type, converted_type }) => converted_type ?? type)).toEqual([
      'UTF8',
      'UTF8',
      'INT32',
      'INT64',
      'DOUBLE',
      'BOOLEAN',
      'TIMESTAMP_MILLIS',
      'DATE',
      'JSON',
      'LIST',
    ]);
    expect(declared.find(({ name }) => name === 'at')?.logical_type).toEqual({ type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' });
  });

  it('is written row group by row group, so that only one is in memory, and the same however the rows are handed over', async () => {
    const rows = Array.from({ length: 2 * ROWS_OF_A_GROUP + 5 }, (_, nth) => ({ ...full, key: `key-${nth}`, times: nth }));
    const { file, pieces } = encoded(rows, 1_000);
    const { row_groups } = parquetMetadata(file);
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([ROWS_OF_A_GROUP, ROWS_OF_A_GROUP, 5]);
    // The first piece is the mark of the format; a group comes with the page that fills it.
    const pagesOfAGroup = ROWS_OF_A_GROUP / 1_000;
    const written = pieces.flatMap(({ length }, nth) => (length === 0 ? [] : [nth]));
    expect(written).toEqual([0, pagesOfAGroup, 2 * pagesOfAGroup, pieces.length - 1]);
    const read = (await parquetReadObjects({ file, columns: ['key', 'times'] })) as unknown[];
    expect(read).toEqual(rows.map(({ key, times }) => ({ key, times })));
    expect(Buffer.from(encoded(rows, 777).file).equals(Buffer.from(file))).toBe(true);
  });

  it('of no rows is a file of no rows', async () => {
    const { file } = encoded([], 1);
    expect(await parquetReadObjects({ file })).toEqual([]);
    expect(parquetMetadata(file).num_rows).toBe(0n);
  });
});
