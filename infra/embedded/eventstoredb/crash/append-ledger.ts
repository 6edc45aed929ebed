import type { EventData } from '@eventstore/db-client';

/** Everything that was sent, and what the server said to it. */
export class AppendLedger {
  private readonly batchOf = new Map<string, { readonly ids: readonly string[]; acknowledged: boolean; found: boolean }>();
  private readonly heads = new Map<string, number>();
  private lastPosition = 0n;
  private open: { ids: readonly string[]; stream: string; next: number } | undefined;
  acknowledged = 0;

  sent(events: readonly EventData[]): void {
    const ids = events.map(({ id }) => id);
    for (const id of ids) this.batchOf.set(id, { ids, acknowledged: false, found: false });
  }

  confirmed(events: readonly EventData[]): void {
    for (const { id } of events) {
      const batch = this.batchOf.get(id);
      if (batch) batch.acknowledged = true;
    }
    this.acknowledged += 1;
  }

  /** The next event of `$all`: it continues its stream, and its batch. */
  read(stream: string, id: string, revision: number, position: bigint): void {
    if (position <= this.lastPosition) throw new Error(`Position ${position} comes after ${this.lastPosition}.`);
    this.lastPosition = position;
    const head = this.heads.get(stream) ?? -1;
    if (revision !== head + 1) throw new Error(`${stream} goes from ${head} to ${revision}.`);
    this.heads.set(stream, revision);
    const batch = this.batchOf.get(id);
    if (!batch) return;
    if (batch.found) throw new Error(`${id} is there twice.`);
    batch.found = true;
    this.open ??= { ids: batch.ids, stream, next: 0 };
    if (this.open.ids[this.open.next] !== id || this.open.stream !== stream) throw new Error(`The batch of ${id} is torn apart.`);
    this.open.next += 1;
    if (this.open.next === this.open.ids.length) this.open = undefined;
  }

  /** The end of `$all` after a crash: nothing half written, nothing acknowledged missing. */
  settle(): void {
    if (this.open) throw new Error(`Of a batch of ${this.open.ids.length} only ${this.open.next} are there.`);
    for (const [id, { acknowledged, found }] of this.batchOf)
      if (acknowledged && !found) throw new Error(`The acknowledged ${id} is lost.`);
    // What was neither acknowledged nor found in the crashed log can never appear any more.
    this.batchOf.clear();
  }

  get position(): bigint {
    return this.lastPosition;
  }
}
