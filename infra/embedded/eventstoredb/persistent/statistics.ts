/** How many items there were, in all and since somebody last asked. */
export class RateStatistics {
  total = 0;
  private readonly startedAt = performance.now();
  private measuredTotal = 0;

  count(): void {
    this.total += 1;
  }

  /** Items per second over the whole time, and the count since the last call. */
  measure(): { readonly averagePerSecond: number; readonly sinceLast: number } {
    const sinceLast = this.total - this.measuredTotal;
    this.measuredTotal = this.total;
    return { averagePerSecond: Math.round(this.total / Math.max(1, (performance.now() - this.startedAt) / 1000)), sinceLast };
  }
}

const keptSamples = 1000;

/** How long messages are in flight, in milliseconds, over the last thousand of them. */
export class LatencyStatistics {
  private readonly samples: number[] = [];
  private next = 0;

  add(milliseconds: number): void {
    this.samples[this.next] = milliseconds;
    this.next = (this.next + 1) % keptSamples;
  }

  measurements(): { key: string; value: bigint }[] {
    const sorted = this.samples.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    const mean = sorted.reduce((sum, sample) => sum + sample, 0) / Math.max(1, sorted.length);
    const values: [key: string, value: number][] = [
      ['Mean', mean],
      ['Median', at(0.5)],
      ['Fastest', sorted[0] ?? 0],
      ...[1, 2, 3, 4, 5].map((quintile): [string, number] => [`Quintile ${quintile}`, at(quintile / 5)]),
      ...[90, 95, 99, 99.5, 99.9].map((percent): [string, number] => [`${percent}%`, at(percent / 100)]),
      ['Highest', sorted.at(-1) ?? 0],
    ];
    return values.map(([key, value]) => ({ key, value: BigInt(Math.round(value)) }));
  }
}
