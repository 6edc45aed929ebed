import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '@opensearch-project/opensearch';
import { randomUUID } from 'node:crypto';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON, recorded } from '#domain/kernel/given-when-then.ts';
import * as tutor from '#domain/tutoring/tutor-profile.messages.ts';
import { AliasedIndex } from '#infra/opensearch/aliased-index.ts';
import { feedingClient, searchingClient } from '#infra/opensearch/client.ts';
import { IndexFeeder, indexedPosition } from '#infra/opensearch/index-feeder.ts';
import { Interruptible } from '#infra/verify/interruptible.ts';
import type { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { askFor } from '#infra/projections/acts.ts';
import { ProjectionEngine } from '#infra/projections/engine.ts';
import { rebuild } from '#infra/projections/rebuild.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { MemoryLog } from '#infra/verify/memory-log.ts';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { tutorDocument, tutorDocuments, wordsIn } from '#projections/matching/tutor-documents.ts';
import { tutorSearch } from '#projections/matching/tutor-search.ts';
import { FallbackTutorIndex } from './fallback-tutor-index.ts';
import { OpenSearchTutorIndex } from './opensearch-tutor-index.ts';
import { PostgresTutorIndex } from './postgres-tutor-index.ts';
import { calm, irish, physicist, published, tutorIndexContract, tutors } from './tutor-index.contract.ts';
import type { TutorIndex } from './tutor-index.ts';

describe('Words of a document', () => {
  it('are letters and digits in lower case', () => expect(wordsIn("O'Brien — A-Level, 2x!")).toBe('o brien a level 2x'));
});

/** A read model that follows a log, an index that follows the read model over a way that can be cut, and searches of both. */
class World {
  readonly log = new MemoryLog();
  readonly record = memoryOperations().record;
  readonly alias = `tutors-spec-${randomUUID()}`;
  readonly way: Interruptible;
  readonly troubles: unknown[] = [];
  server!: DisposableServer;
  database!: Database;
  engine!: ProjectionEngine;
  feeder!: IndexFeeder;
  direct: Client;
  feeding!: Client;
  searching!: Client;
  index!: TutorIndex;
  #revisions = new Map<string, number>();

  constructor(url: string) {
    this.way = new Interruptible(new URL(url));
    this.direct = feedingClient(url);
  }

  async open(): Promise<void> {
    this.server = await disposableServer();
    ({ database: this.database } = await this.server.create());
    const url = await this.way.open();
    this.feeding = feedingClient(url);
    this.searching = searchingClient(url);
    const { database, log, record } = this;
    this.engine = new ProjectionEngine({
      database,
      models: [tutorSearch],
      openFeed: log.feeds(),
      readEvent: (stream, revision) => log.readEvent(stream, revision),
      onError: (error) => this.troubles.push(error),
      record,
    });
    this.engine.start();
    this.startFeeder();
    this.index = new FallbackTutorIndex({
      preferred: new OpenSearchTutorIndex(this.searching, this.alias),
      fallback: new PostgresTutorIndex(database),
      preferredPosition: () => indexedPosition(database, tutorDocuments.consumer),
      onTrouble: (error) => this.troubles.push(error),
      close: () => this.searching.close(),
    });
  }

  startFeeder(): void {
    this.feeder = new IndexFeeder({
      database: this.database,
      index: new AliasedIndex(this.feeding, { ...tutorDocuments, alias: this.alias }),
      model: tutorSearch,
      consumer: tutorDocuments.consumer,
      documentOf: tutorDocument,
      onError: (error) => this.troubles.push(error),
      compareEveryMs: 200,
      leaseTimes: { lifetime: 2_000, beat: 100 },
    });
    this.feeder.start();
  }

  happen(...events: readonly { stream: readonly [string, string]; event: DomainEvent }[]): void {
    for (const { stream, event: one } of events) {
      const [aggregateType, aggregateId] = stream;
      const nth = this.#revisions.get(aggregateId) ?? 0;
      this.#revisions.set(aggregateId, nth + 1);
      this.log.append({ ...recorded(one, { aggregateType, aggregateId, nth, at: MONDAY_NOON }), position: this.log.head + 10n });
    }
  }

  /** Resolves when the index says that it knows everything that has happened. */
  async level(): Promise<void> {
    await until(async () => (await indexedPosition(this.database, tutorDocuments.consumer)) >= this.log.head);
  }

  async shownIndexes(): Promise<string[]> {
    const { body } = await this.direct.indices.get({ index: `${this.alias}-*` });
    return Object.keys(body);
  }

  async close(): Promise<void> {
    await this.feeder.stop();
    await this.engine.stop();
    for (const name of await this.shownIndexes()) await this.direct.indices.delete({ index: name });
    await Promise.all([this.direct.close(), this.feeding.close(), this.searching.close()]);
    await this.way.cut();
    await this.server.dispose();
  }
}

/** Bounded, so that a failed spec leaves no loop behind that keeps the run from ending. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('What was waited for has not come about.');
    await delay(20);
  }
}

const url = process.env['OPENSEARCH_URL'];
// Searching needs a real node: nothing smaller does what it does.
if (url !== undefined) {
  describe('Tutors in OpenSearch', () => {
    let world: World;
    const found = async (words: string) => {
      const { tutors: all, servedBy } = await world.index.find({ subject: 'mathematics', words });
      return [servedBy, ...all.map(({ tutorId }) => tutorId)];
    };
    const says = (tutorId: string, bio: string) => ({
      stream: ['TutorProfile', tutorId] as const,
      event: event(tutor.tutorProfileUpdated, { tutorId, bio }),
    });

    beforeAll(async () => {
      world = new World(url);
      await world.open();
      world.happen(...tutors);
      await world.level();
    });
    afterAll(() => world.close());

    describe('are searched like those in Postgres', () => tutorIndexContract('opensearch', () => world.index));

    it('are as the read model says once the position of a change is reached', async () => {
      world.happen(says(calm, 'Now with fractals.'));
      await world.level();
      expect(await found('fractals')).toEqual(['opensearch', calm]);
    });

    it('many at once, more than fit into one request', async () => {
      const many = Array.from({ length: 1_200 }, () => randomUUID());
      world.happen(...many.flatMap((id) => published(id, { headline: 'crowd' })));
      await world.level();
      expect((await found('crowd')).slice(1).toSorted()).toEqual(many.toSorted());
    });

    it('while the way is cut, Postgres answers and says so; afterwards the index has caught up', async () => {
      await world.way.cut();
      world.happen(says(physicist, 'Now with quarks.'));
      await world.engine.positions.waitFor([tutorSearch.name], world.log.head, 10_000);
      expect(await found('quarks')).toEqual(['postgres', physicist]);
      expect(await indexedPosition(world.database, tutorDocuments.consumer)).toBeLessThan(world.log.head);
      await world.way.open();
      await world.level();
      await until(async () => (await found('quarks'))[0] === 'opensearch');
      expect(await found('quarks')).toEqual(['opensearch', physicist]);
    });

    it('an older version of a document never replaces a newer one', async () => {
      const [name] = (await world.shownIndexes()) as [string];
      const index = new AliasedIndex(world.direct, { ...tutorDocuments, alias: world.alias });
      const versions = await index.versions(name);
      const older = { ...(await world.direct.get({ index: name, id: calm })).body._source, words: 'outdated' };
      await index.write(name, [
        { id: calm, version: 1n, document: older },
        { id: irish, version: 1n, document: undefined },
      ]);
      expect(await index.versions(name)).toEqual(versions);
      expect(await found('outdated')).toEqual(['opensearch']);
    });

    it('what OpenSearch has lost, and what has left the table, is found by comparing', async () => {
      const [name] = (await world.shownIndexes()) as [string];
      const held = new AliasedIndex(world.direct, { ...tutorDocuments, alias: world.alias });
      const version = Number((await held.versions(name)).get(calm));
      await world.direct.delete({ index: name, id: calm, refresh: true, version, version_type: 'external_gte' });
      await until(async () => (await held.versions(name)).has(calm));
      await world.database.execute('delete from matching.tutor_search where key = $1', [irish]);
      await until(async () => !(await held.versions(name)).has(irish));
      expect((await found('fractals'))[1]).toBe(calm);
    });

    it('a rebuilt read model gets a new index, shown when it is complete; searches are answered all the while', async () => {
      const before = await world.shownIndexes();
      let searching = true;
      const answers = (async () => {
        const given = new Set<string>();
        while (searching) given.add(String(await found('fractals')));
        return [...given];
      })();
      const { database, log } = world;
      const { state } = await rebuild({ database, openFeed: log.feeds(), model: tutorSearch, accept: true });
      expect(state).toBe('swapped');
      await until(async () => (await world.shownIndexes()).every((name) => !before.includes(name)));
      world.happen(says(calm, 'Fractals, and now fjords.'));
      await world.level();
      searching = false;
      // A search under way while the old index goes may be answered by Postgres; none fails and none misses the tutor.
      expect((await answers).map((answer) => answer.split(',').slice(1))).toEqual(expect.arrayContaining([[calm]]));
      expect((await answers).filter((answer) => !answer.endsWith(`,${calm}`))).toEqual([]);
      expect(await world.shownIndexes()).toHaveLength(1);
      await until(async () => (await found('fjords')).join() === `opensearch,${calm}`);
      // The row that was deleted behind the engine's back is part of the log.
      expect((await world.index.find({ subject: 'history' })).tutors).toMatchObject([{ tutorId: irish }]);
    });

    it('an index that is gone, and one that this database knows nothing of, are filled anew', async () => {
      const [name] = (await world.shownIndexes()) as [string];
      await world.direct.indices.delete({ index: name });
      expect((await found('fjords'))[0]).toBe('postgres');
      await until(async () => (await found('fjords')).join() === `opensearch,${calm}`);
      const [second] = (await world.shownIndexes()) as [string];
      await world.feeder.stop();
      await world.database.execute('delete from engine.checkpoints where consumer = $1', [tutorDocuments.consumer]);
      world.startFeeder();
      await world.level();
      expect(await world.shownIndexes()).not.toContain(second);
      expect(await found('fjords')).toEqual(['opensearch', calm]);
    });

    it('a row that was mended is found as it is now, though its last event is the one that the index has', async () => {
      const told = event(tutor.tutorProfileUpdated, { tutorId: calm, headline: 'knots' });
      const whole = recorded(told, { aggregateType: 'TutorProfile', aggregateId: randomUUID(), nth: 0, at: MONDAY_NOON });
      const broken = { ...whole, data: null as unknown as typeof whole.data, position: world.log.head + 10n };
      world.log.append(broken);
      world.happen(says(calm, 'Lemmas.'));
      await world.level();
      expect(await found('lemmas')).toEqual(['opensearch', calm]);
      broken.data = whole.data;
      const { database, record } = world;
      const retry = { act: 'retry', consumer: consumerOf(tutorSearch), place: { scope: 'stream', key: whole.stream } } as const;
      const asked = await askFor({ database, record }, retry, { who: 'ada', why: 'case 4711' });
      expect(await record.outcomeOf(asked, 10_000)).toMatchObject({ state: 'done' });
      await until(async () => (await found('knots')).join() === `opensearch,${calm}`);
      expect(await found('lemmas')).toEqual(['opensearch', calm]);
    });
  });
}
