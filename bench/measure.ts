/** What one round of one subject came to. Times in milliseconds; CPU of this process in microseconds per operation. */
export interface Sample {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly cpuMicros: number;
}

/** A subject of a benchmark: repeats its operation until told to stop, `inFlight` at once. */
export interface Load {
  readonly inFlight: number;
  readonly seconds: number;
  /** One operation; `worker` counts from 0 to inFlight - 1, and a worker's operations follow each other. */
  readonly operation: (worker: number) => Promise<unknown>;
}

/** Runs operations for so many seconds and measures each. Rejects with the first failure. */
export async function measured({ inFlight, seconds, operation }: Load): Promise<Sample> {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  await Promise.all(
    Array.from({ length: inFlight }, async (_, worker) => {
      for (let now = performance.now(); now < end;) {
        await operation(worker);
        const after = performance.now();
        times.push(after - now);
        now = after;
      }
    }),
  );
  const elapsed = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  return {
    perSecond: (times.length * 1_000) / elapsed,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    p999: percentile(times, 0.999),
    cpuMicros: (user + system) / times.length,
  };
}

/** A value of a sorted list. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/**
 * Runs the subjects in turn, round after round, each round in the opposite order of the last: what disturbs the machine disturbs all of
 * them. A first round warms up and does not count.
 */
export async function interleaved<S extends string>(
  subjects: Readonly<Record<S, () => Promise<Sample>>>,
  rounds: number,
): Promise<Record<S, Sample[]>> {
  const names = Object.keys(subjects) as S[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<S, Sample[]>;
  for (let round = 0; round <= rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await subjects[name]();
      if (round > 0) samples[name].push(sample);
    }
  return samples;
}

export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** The median over the rounds of a/b, each round by itself, to two places. */
export function ratio(a: readonly Sample[], b: readonly Sample[]): number {
  return Math.round(100 * median(a.map((sample, i) => sample.perSecond / b[i]!.perSecond))) / 100;
}

/** Prints one line per subject: the median of its rounds, and the lowest and highest rate. */
export function printTable(samples: Readonly<Record<string, readonly Sample[]>>): void {
  const of = (list: readonly Sample[], field: keyof Sample): number => median(list.map((sample) => sample[field]));
  const rows = Object.entries(samples).map(([name, list]) => {
    const rates = list.map(({ perSecond }) => perSecond);
    const range = `${whole(Math.min(...rates))}-${whole(Math.max(...rates))}`;
    const times = (['p50', 'p99', 'p999'] as const).map((field) => of(list, field).toFixed(1));
    return [name, whole(of(list, 'perSecond')), range, ...times, whole(of(list, 'cpuMicros'))];
  });
  printRows([['', 'per second', 'lowest-highest', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU us each'], ...rows]);
}

/** Prints rows of equally many cells as a table; the first row is the head. */
export function printRows(table: readonly (readonly string[])[]): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    process.stdout.write(`${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}\n`);
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
