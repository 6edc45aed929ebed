import type { EventStoreClient } from '#infra/event-store/client.ts';

/** A consumer of the log: how far it has come and what it takes in. */
export interface Reader {
  readonly consumer: string;
  readonly position: bigint;
  readonly types: Iterable<string>;
}

/**
 * How many events wait for each consumer. Positions are no counts, so the log is read backwards from its end, once for all of them, through `limit`
 * events at most: where there are more, the count says how many of those it has been through.
 */
export async function countBacklog(
  client: Pick<EventStoreClient, 'lookBack'>,
  readers: readonly Reader[],
  limit: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(readers.map(({ consumer }) => [consumer, 0]));
  const byType = new Map<string, Reader[]>();
  for (const reader of readers) for (const type of reader.types) byType.set(type, [...(byType.get(type) ?? []), reader]);
  const first = readers.reduce<bigint | undefined>(
    (least, { position }) => (least === undefined || position < least ? position : least),
    undefined,
  );
  if (first === undefined) return counts;
  await client.lookBack(limit, (event) => {
    const at = event.position?.commit ?? -1n;
    if (at <= first) return false;
    for (const { consumer, position } of byType.get(event.type) ?? []) if (position < at) counts[consumer]! += 1;
    return true;
  });
  return counts;
}
