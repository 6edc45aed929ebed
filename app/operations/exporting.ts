import { once } from 'node:events';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import { exportModel } from '#infra/operations/acts.ts';
import { listCopies, placeAsOf } from '#infra/projections/as-of.ts';
import { EXPORT_FORMATS, exportRows, type Manifest } from '#infra/projections/export.ts';
import { servingPlace } from '#infra/projections/members.ts';
import { viewedTable } from '#infra/projections/tables.ts';
import type { Foundation } from '../system/foundation.ts';
import { type Arguments, mustSayWhy, unsaid, WrongUsage } from './arguments.ts';
import { codeVersion } from './code-version.ts';

/**
 * Exports the rows that queries see or, with a position, those of the copy as of then. A file and its manifest get their names when they are
 * complete.
 */
export async function exportOne(
  { database, record, signal }: Pick<Foundation, 'database' | 'record'> & { readonly signal: AbortSignal },
  args: Arguments,
  model: ReadModel,
  position: string | undefined,
): Promise<void> {
  const { to } = args;
  const format = EXPORT_FORMATS.find((each) => each === args.format);
  if (format === undefined) throw new WrongUsage(`Give the --format: ${EXPORT_FORMATS.join(', ')}.`);
  if (format === 'parquet' && to === undefined && process.stdout.isTTY)
    throw new WrongUsage('Parquet is not for a terminal: name a file with --to.');
  if (position !== undefined && !/^\d+$/.test(position)) throw new WrongUsage('A copy is named name@position, as copies shows it.');
  const { consumer, table } = position === undefined ? servingPlace(model) : placeAsOf(model, BigInt(position));
  if (position === undefined && (await viewedTable(database, model)) !== table.name)
    throw new Error(`${consumer} does not serve version ${model.version} yet: wait until it is built.`);
  if (
    position !== undefined &&
    !(await listCopies(database)).some((copy) => copy.name === consumer && copy.version === model.version && copy.complete)
  )
    throw new WrongUsage(`There is no complete copy ${consumer} of version ${model.version}; copies shows those that there are.`);
  const request = { database, source: { consumer, version: model.version, table }, format, codeVersion: await codeVersion() } as const;
  mustSayWhy(args);
  const onRecord = (work: () => Promise<Manifest>): Promise<Manifest> =>
    record.during(exportModel, { consumer, version: model.version, format }, args.operator, {
      work,
      say: ({ rows, position: at, sha256 }) => `${rows} rows as of ${at}, sha256 ${sha256}`,
      unsaid,
    });
  if (to === undefined) {
    const manifest = await onRecord(() => exportRows({ ...request, write: until(signal, toStandardOutput) }));
    process.stderr.write(textOf(manifest));
    return;
  }
  const manifest = await onRecord(() => writingTo(`${to}.part`, (write) => exportRows({ ...request, write: until(signal, write) })));
  await writeFile(`${to}.manifest.json`, textOf(manifest));
  await rename(`${to}.part`, to);
  console.log(`${manifest.rows} rows of ${consumer} as of ${manifest.position}, sha256 ${manifest.sha256}`);
}

/** Writes nothing more from when the operator ends it. */
function until(signal: AbortSignal, write: (piece: Buffer) => Promise<void>): (piece: Buffer) => Promise<void> {
  return async (piece) => {
    signal.throwIfAborted();
    await write(piece);
  };
}

/** What was written is gone when the work fails. */
async function writingTo<T>(path: string, work: (write: (piece: Buffer) => Promise<void>) => Promise<T>): Promise<T> {
  const file = await open(path, 'w');
  try {
    return await work((piece) => file.writeFile(piece));
  } catch (error) {
    await rm(path);
    throw error;
  } finally {
    await file.close();
  }
}

function textOf(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

async function toStandardOutput(piece: Buffer): Promise<void> {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}
