import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Database } from '#infra/postgres/database.ts';
import { tutorSearch } from '#projections/matching/tutor-search.ts';
import { projectedDatabase } from '../projected-database.ts';
import { PostgresTutorIndex } from './postgres-tutor-index.ts';
import { FallbackTutorIndex } from './fallback-tutor-index.ts';
import { calm, physicist, tutorIndexContract, tutors } from './tutor-index.contract.ts';
import { tutorIndex } from './tutor-index-of.ts';

const log = pino({ level: 'silent' });
let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => ({ database, dispose } = await projectedDatabase([tutorSearch], ...tutors)));
afterAll(() => dispose());

describe('Tutors in Postgres', () => {
  tutorIndexContract('postgres', () => new PostgresTutorIndex(database));
});

describe('A search when OpenSearch is configured', () => {
  const wish = { subject: 'mathematics' };
  const both = { servedBy: 'postgres', tutors: [{ tutorId: calm }, { tutorId: physicist }] };

  it('is answered by Postgres while nobody listens there', async () => {
    const index = tutorIndex({ openSearchUrl: 'http://127.0.0.1:1' }, database, log) as FallbackTutorIndex;
    expect(await index.find(wish)).toMatchObject(both);
    await index.onModuleDestroy();
  });
  it('is answered by Postgres while it hangs, and only the first waits for that', async () => {
    const connections = new Set<{ destroy(): void }>();
    const hanging = createServer((socket) => connections.add(socket));
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    const { port } = hanging.address() as AddressInfo;
    const index = tutorIndex({ openSearchUrl: `http://127.0.0.1:${port}` }, database, log) as FallbackTutorIndex;
    for (let search = 0; search < 5; search += 1) expect(await index.find(wish)).toMatchObject(both);
    expect(connections.size).toBe(1);
    await index.onModuleDestroy();
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => hanging.close(resolve));
  });
  it('is answered by Postgres for a caller who must see what the index does not know yet', async () => {
    const fallback = new PostgresTutorIndex(database);
    const index = new FallbackTutorIndex({
      preferred: { find: () => Promise.resolve({ tutors: [], servedBy: 'opensearch' }) },
      fallback,
      preferredPosition: () => Promise.resolve(7n),
      onTrouble: (error) => {
        throw error;
      },
      close: () => Promise.resolve(),
    });
    expect((await index.find(wish)).servedBy).toBe('opensearch');
    expect((await index.find(wish, 7n)).servedBy).toBe('opensearch');
    expect(await index.find(wish, 8n)).toMatchObject(both);
  });
});
