import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { Database } from '#infra/postgres/database.ts';
import { reasonOf } from '#infra/postgres/reason.ts';

/** What an operator typed: the words, then the options. */
export interface Arguments {
  readonly words: readonly string[];
  readonly accept: boolean;
  readonly fresh: boolean;
  readonly lagLimit: number | undefined;
  readonly data: string | undefined;
  readonly format: string | undefined;
  readonly to: string | undefined;
  readonly asOf: string | undefined;
  readonly operator: { readonly who: string; readonly why: string };
}

/** The operator asked for something that does not exist. */
export class WrongUsage extends Error {}

/** Reads the command line. `--who` is the account of the machine unless told. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      accept: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      'lag-limit': { type: 'string' },
      data: { type: 'string' },
      format: { type: 'string' },
      to: { type: 'string' },
      'as-of': { type: 'string' },
      who: { type: 'string', default: userInfo().username },
      why: { type: 'string', default: '' },
    },
  });
  return {
    words: positionals,
    accept: values.accept,
    fresh: values.fresh,
    lagLimit: values['lag-limit'] === undefined ? undefined : secondsOf(values['lag-limit']),
    data: values.data,
    format: values.format,
    to: values.to,
    asOf: values['as-of'],
    operator: { who: values.who, why: values.why },
  };
}

function secondsOf(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new WrongUsage('Give --lag-limit a number of seconds.');
  return Number(text);
}

/** Throws unless the operator said why. */
export function mustSayWhy({ operator }: Arguments): void {
  if (operator.why.trim() === '') throw new WrongUsage('Say why: --why "…". It is stored with the act.');
}

/** Says that what came of an act is not on record. */
export function unsaid(error: unknown): void {
  console.error(`What came of it could not be put on record: ${reasonOf(error)}`);
}

/** The read-model database that DATABASE_URL names. */
export function openDatabase(): Database {
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') throw new WrongUsage('DATABASE_URL must name the database of the read models.');
  return new Database(url, { max: 6, applicationName: 'chalkstream-operations' });
}

/** Runs a command-line program: 0 when it succeeded, 1 when it failed, 2 when it was called wrongly. */
export async function runProgram(usage: string, program: (args: Arguments) => Promise<void>): Promise<void> {
  try {
    await program(readArguments(process.argv.slice(2)));
  } catch (error) {
    const wrong = error instanceof WrongUsage || (error instanceof TypeError && 'code' in error);
    console.error(error instanceof Error ? error.message : String(error));
    if (wrong) console.error(`\n${usage}`);
    process.exitCode = wrong ? 2 : 1;
  }
}

/** Prints rows in columns. */
export function printRows(rows: readonly (readonly (string | number)[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => String(cell).padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}
