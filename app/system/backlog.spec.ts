import { describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '#infra/event-store/reading.ts';
import { countBacklog } from './backlog.ts';

/** A log whose nth event is of the nth type, at position 100 * n. */
const logOf = (...types: readonly string[]) => {
  let looked = 0;
  const events = types.map((type, nth) => ({ type, position: { commit: BigInt(100 * (nth + 1)) } }) as StoredEvent);
  return {
    looked: () => looked,
    lookBack: (limit: number, visit: (event: StoredEvent) => boolean) => {
      for (const event of events.toReversed().slice(0, limit)) {
        looked++;
        if (!visit(event)) break;
      }
      return Promise.resolve();
    },
  };
};

describe('A backlog', () => {
  it('is a count of events, by consumer: those of its types after its position', async () => {
    const log = logOf('Came', 'Left', 'Came', 'Paid', 'Came');
    const readers = [
      { consumer: 'guests', position: 200n, types: ['Came', 'Left'] },
      { consumer: 'money', position: 100n, types: ['Paid'] },
      { consumer: 'all', position: 500n, types: ['Came', 'Left', 'Paid'] },
    ];
    expect(await countBacklog(log, readers, 1_000)).toEqual({ guests: 2, money: 1, all: 0 });
  });
  it('costs one look at the end of the log when nobody is behind', async () => {
    const log = logOf('Came', 'Left', 'Came');
    expect(await countBacklog(log, [{ consumer: 'guests', position: 300n, types: ['Came'] }], 1_000)).toEqual({ guests: 0 });
    expect(log.looked()).toBe(1);
  });
  it('is counted up to a limit', async () => {
    const log = logOf('Came', 'Came', 'Came', 'Came');
    expect(await countBacklog(log, [{ consumer: 'guests', position: -1n, types: ['Came'] }], 3)).toEqual({ guests: 3 });
  });
});
