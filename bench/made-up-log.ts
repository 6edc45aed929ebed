import { randomUUID } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { deciders } from '#domain/deciders.ts';
import type { EventMetadata } from '#domain/kernel/event.ts';
import { streamOf } from '#domain/kernel/ids.ts';
import { fileLog } from '#infra/embedded/eventstoredb/log/file-log.ts';
import { EventStore } from '#infra/embedded/eventstoredb/store/event-store.ts';
import type { Codec } from '#infra/event-store/codec.ts';
import { Storyteller } from '#infra/verify/story.ts';
import { type Step, Town } from './stories.ts';

/** Stories under way at a time: their events come in turns. */
const AT_ONCE = 2_000;
/** Events made up and written together. */
const CHAPTER = 2_000;
/** Of each type: what the fields are filled with that no story sets. */
const SAMPLES = 16;
const MONDAY = Date.UTC(2026, 10, 23, 12);
const A_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

interface MadeUp {
  readonly stream: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: EventMetadata;
}

/**
 * Fills the folder of an embedded event store that does not run with `count` events, in a mix and an order as the product's own: people come,
 * connect, chat, book, pay and meet, thousands at a time. Each event fits its schema and is encrypted by the product's codec.
 */
export async function writeLog(dir: string, count: number, codec: Codec): Promise<void> {
  const store = new EventStore(fileLog(dir));
  const steps = interwoven();
  const eventOf = eventMaker(codec);
  for (let written = 0; written < count; written += CHAPTER) {
    const chapter = Array.from({ length: Math.min(CHAPTER, count - written) }, () => eventOf(steps.next().value));
    const encoded = await Promise.all(chapter.map((event) => codec.encode(newId(), event, event.metadata)));
    const appends = encoded.map(({ stored }, nth) => {
      const [data, customMetadata] = [Buffer.from(JSON.stringify(stored.data)), Buffer.from(JSON.stringify(stored.metadata))];
      return store.append(chapter[nth]!.stream, 'any', [{ id: stored.id, type: stored.type, isJson: true, data, customMetadata }]);
    });
    await Promise.all(appends);
  }
  await store.close();
}

/** The steps of many stories, now of one and now of another; without an end. */
function* interwoven(): Generator<Step, never> {
  const town = new Town();
  const underWay: Step[][] = [];
  for (;;) {
    // Few at first: whoever comes first has nobody to meet.
    if (underWay.length < AT_ONCE) underWay.push(town.nextStory().toReversed());
    const nth = Math.floor(Math.random() * underWay.length);
    const story = underWay[nth]!;
    yield story.pop()!;
    if (story.length === 0) underWay[nth] = town.nextStory().toReversed();
  }
}

function eventMaker(codec: Codec): (step: Step) => MadeUp {
  const teller = new Storyteller(deciders, 1, { shortest: 1 });
  const kinds = new Map(
    deciders.flatMap(({ aggregateType, idField, events }) =>
      events.map(
        ({ type }) => [type, { aggregateType, idField, samples: teller.tell(SAMPLES, new Set([type])).map(({ data }) => data) }] as const,
      ),
    ),
  );
  let nth = 0;
  return ([type, fields]) => {
    const { aggregateType, idField, samples } = kinds.get(type)!;
    const data: Record<string, unknown> = { ...samples[nth % SAMPLES], ...fields };
    for (const [field, value] of Object.entries(data)) {
      if (!(field in fields) && typeof value === 'string' && A_UUID.test(value)) data[field] = newId();
    }
    const aggregateId = String(data[idField]);
    const commandId = randomUUID();
    const metadata: EventMetadata = {
      eventVersion: codec.versionOf(type),
      aggregateType,
      aggregateId,
      timestamp: new Date(MONDAY + nth++ * 1_000).toISOString(),
      source: 'command-api',
      commandId,
      commandType: `Do${type}`,
      correlationId: randomUUID(),
      causationId: commandId,
      role: 'student',
      userId: randomUUID(),
    };
    return { stream: streamOf(aggregateType, aggregateId), type, data, metadata };
  };
}
