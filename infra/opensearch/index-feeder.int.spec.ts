import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { put, type ReadModel } from '#domain/kernel/consumer.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { AliasedIndex, DocumentRefused } from './aliased-index.ts';
import { feedingClient } from './client.ts';
import { IndexFeeder } from './index-feeder.ts';

const guests: ReadModel = {
  name: 'guests',
  context: 'hotel',
  version: 1,
  sentence: 'Guests.',
  columns: { came: 'boolean' },
  indexes: [],
  on: { GuestCame: ({ aggregateId }) => put(aggregateId, { came: true }) },
};

/** What OpenSearch answers when it makes and removes indexes as asked, and takes no document. */
class RefusingSearch {
  readonly made: string[] = [];
  readonly indexes = new Set<string>();
  readonly #server: Server = createServer((request, response) => {
    void text(request).then(() => {
      const [status, body] = this.#answer(request.method ?? '', request.url ?? '');
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #answer(method: string, url: string): [number, object] {
    const [path] = url.slice(1).split('?') as [string];
    if (path.endsWith('_bulk'))
      return [200, { errors: true, items: [{ index: { status: 400, error: { type: 'strict_dynamic_mapping_exception' } } }] }];
    if (method === 'PUT') {
      this.made.push(path);
      this.indexes.add(path);
      return [200, { acknowledged: true }];
    }
    if (method === 'DELETE') return this.indexes.delete(path) ? [200, { acknowledged: true }] : [404, { error: {}, status: 404 }];
    return [404, { error: { type: 'index_not_found_exception' }, status: 404 }];
  }
}

describe('An index that cannot be filled', () => {
  let postgres: DisposableServer;
  let database: Database;
  beforeAll(async () => {
    postgres = await disposableServer();
    ({ database } = await postgres.create());
  });
  const running: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of running.reverse()) await end();
    await postgres.dispose();
  });

  it('is removed before another is begun', async () => {
    const search = new RefusingSearch();
    const client = feedingClient(await search.open());
    running.push(
      () => search.close(),
      () => client.close(),
    );
    const log = new MemoryLog();
    log.append(recorded({ type: 'GuestCame', data: {} }, { aggregateType: 'Guest', aggregateId: 'ada' }));
    const engine = new ProjectionEngine({
      database,
      models: [guests],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: () => undefined,
    });
    running.push(() => engine.stop());
    engine.start();
    expect(await engine.positions.waitFor(['guests'], log.head, 10_000)).toBe(true);
    const troubles: unknown[] = [];
    const made = new Promise<void>((resolve) => {
      const feeder = new IndexFeeder({
        database,
        index: new AliasedIndex(client, { alias: 'guests', version: 1, fields: {} }),
        model: guests,
        consumer: 'search.guests',
        documentOf: (row) => row,
        onError: (error) => {
          troubles.push(error);
          if (troubles.length === 3) void feeder.stop().then(resolve);
        },
      });
      feeder.start();
    });
    await made;
    expect(troubles).toEqual(troubles.map(() => expect.any(DocumentRefused)));
    expect(search.made.length).toBeGreaterThanOrEqual(3);
    expect([...search.indexes]).toEqual([]);
  });
});
