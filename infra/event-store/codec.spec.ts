import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import { defineEvent, ERASED, type DomainEvent, type EventDefinition, type EventMetadata } from '#domain/kernel/event.ts';
import { InMemoryVault, type Vault } from '#infra/vault/vault.ts';
import { Codec, InvalidEvent, UndecodableEvent } from './codec.ts';
import { toEnvelope } from './envelope.ts';
import type { StoredEvent } from './reading.ts';
import { tally, tallyDeciders } from './tally.examples.ts';
import type { Upcaster } from './upcasting.ts';

const ID = '01939a00-0000-7000-8000-0000000000e1';
const TALLY_ID = '01939a00-0000-7000-8000-0000000000c1';
const ANNA = '01939a00-0000-7000-8000-0000000000a1';

const metadata: EventMetadata = {
  eventVersion: '1.0',
  aggregateType: 'Tally',
  aggregateId: TALLY_ID,
  timestamp: '2026-11-23T12:00:00.000Z',
  source: 'spec',
  commandId: '01939a00-0000-7000-8000-0000000000d1',
  commandType: 'AddToTally',
  correlationId: '01939a00-0000-7000-8000-0000000000d2',
  causationId: '01939a00-0000-7000-8000-0000000000d3',
  userId: ANNA,
  role: 'student',
};
const noted: DomainEvent = { type: 'TallyAdded', data: { tallyId: TALLY_ID, amount: 3, authorId: ANNA, note: 'my secret' } };

function codecOf(vault: Vault = new InMemoryVault()): Codec {
  return new Codec({ deciders: tallyDeciders, vault });
}

/** A codec for one event, with its older versions. */
function codecFor(definition: EventDefinition, upcasters: readonly Upcaster[] = [], vault: Vault = new InMemoryVault()): Codec {
  const decider = { ...tally, events: [definition], commands: [] } as unknown as AnyDecider;
  return new Codec({ deciders: [decider], vault, upcasters });
}

/** What the store gives back of what was appended. */
async function stored(codec: Codec, event: DomainEvent, version = '1.0'): Promise<StoredEvent> {
  const encoded = await codec.encode(ID, event, { ...metadata, eventVersion: version });
  const {
    id,
    type,
    data,
    metadata: written,
  } = JSON.parse(JSON.stringify(encoded.stored)) as { id: string; type: string; data: unknown; metadata: unknown };
  return {
    id,
    type,
    data,
    metadata: written,
    streamId: `Tally-${TALLY_ID}`,
    revision: 4n,
    created: new Date(0),
    position: { commit: 77n },
  };
}

const dataOf = async (codec: Codec, event: StoredEvent): Promise<unknown> => (await codec.decode([event]))[0]?.data;

describe('What is stored', () => {
  it('names correlation and causation as the store does, and the rest as the contract', async () => {
    const { correlationId, causationId, ...rest } = metadata;
    const event = await stored(codecOf(), noted);
    expect(event.metadata).toEqual({ ...rest, $correlationId: correlationId, $causationId: causationId });
    expect(event).toMatchObject({ id: ID, type: 'TallyAdded', data: { tallyId: TALLY_ID, amount: 3, authorId: ANNA } });
  });

  it('holds nothing personal in clear', async () => {
    expect(JSON.stringify((await stored(codecOf(), noted)).data)).not.toContain('secret');
  });

  it('fits its schema, to the letter', async () => {
    const codec = codecOf();
    await expect(codec.encode(ID, { type: 'TallyAdded', data: { tallyId: TALLY_ID, amount: 'three' } }, metadata)).rejects.toThrow(
      InvalidEvent,
    );
    await expect(codec.encode(ID, { type: 'TallySung', data: {} }, metadata)).rejects.toThrow(InvalidEvent);
    const { stored: written } = await codec.encode(ID, { type: 'TallyClosed', data: { tallyId: TALLY_ID, phone: '1234' } }, metadata);
    expect(written.data).toEqual({ tallyId: TALLY_ID });
  });

  it('says whose a personal field is', async () => {
    const nobodys: DomainEvent = { type: 'TallyAdded', data: { tallyId: TALLY_ID, amount: 3, note: 'my secret' } };
    await expect(codecOf().encode(ID, nobodys, metadata)).rejects.toThrow(InvalidEvent);
  });

  it('holds nothing new of a forgotten person', async () => {
    const vault = new InMemoryVault();
    await vault.destroy(ANNA);
    const encoded = await codecOf(vault).encode(ID, noted, metadata);
    expect(encoded.stored.data).toMatchObject({ note: ERASED });
    expect(encoded.data).toMatchObject({ note: ERASED });
  });
});

describe('What is read', () => {
  it('is what was written', async () => {
    const codec = codecOf();
    const [read] = await codec.decode([await stored(codec, noted)]);
    expect(read).toEqual({
      id: ID,
      ...noted,
      version: '1.0',
      stream: `Tally-${TALLY_ID}`,
      aggregateType: 'Tally',
      aggregateId: TALLY_ID,
      revision: 4,
      position: 77n,
      at: metadata.timestamp,
      metadata,
    });
    expect(codec.subjectsOf(read!)).toEqual([ANNA]);
  });

  it('is erased where the person has been forgotten, and nothing else is', async () => {
    const vault = new InMemoryVault();
    const codec = codecOf(vault);
    const event = await stored(codec, noted);
    await vault.destroy(ANNA);
    const [read] = await codec.decode([event]);
    expect(read?.data).toEqual({ tallyId: TALLY_ID, amount: 3, authorId: ANNA, note: ERASED });
    expect(codec.subjectsOf(read!)).toEqual([]);
  });

  it('is not read with a lost key as if it had been erased', async () => {
    const event = await stored(codecOf(), noted);
    await expect(codecOf(new InMemoryVault()).decode([event])).rejects.toThrow('the vault never had the key');
  });

  it('cannot be moved to another event', async () => {
    const codec = codecOf();
    const event = await stored(codec, noted);
    await expect(codec.decode([{ ...event, id: TALLY_ID }])).rejects.toThrow('was not encrypted with this key for this place');
  });

  it.each([
    ['of an unknown type', { type: 'TallySung' }],
    ['whose data is not JSON', { data: 'nonsense' }],
    ['whose metadata is not ours', { metadata: new Uint8Array([1]) }],
    ['of a newer major version', { metadata: { ...metadata, eventVersion: '2.0' } }],
    ['with a personal field in clear', { data: { tallyId: TALLY_ID, amount: 3, authorId: ANNA, note: 'my secret' } }],
  ])('fails loudly %s, and says no content', async (_what, change) => {
    const codec = codecOf();
    const reading = codec.decode([{ ...(await stored(codec, noted)), ...change }]);
    await expect(reading).rejects.toThrow(UndecodableEvent);
    await expect(reading).rejects.not.toThrow('secret');
  });

  it('may be of a newer minor version, which only adds', async () => {
    const codec = codecOf();
    expect(await dataOf(codec, await stored(codec, noted, '1.7'))).toEqual(noted.data);
  });
});

describe('An older version', () => {
  const named = defineEvent('GuestNamed', {
    sentence: 'A guest said a name.',
    version: '3.0',
    schema: z.object({ guestId: z.string(), fullName: z.string() }),
    personal: { fullName: 'guestId' },
  });
  const first = defineEvent('GuestNamed', {
    ...named,
    version: '1.0',
    schema: z.object({ guestId: z.string(), name: z.string() }),
    personal: { name: 'guestId' },
  });
  const upcasters: Upcaster[] = [
    {
      type: 'GuestNamed',
      from: '1.0',
      to: '2.0',
      personal: { name: 'guestId' },
      upcast: ({ name, ...rest }) => ({ ...rest, called: name }),
    },
    {
      type: 'GuestNamed',
      from: '2.0',
      to: '3.0',
      personal: { called: 'guestId' },
      upcast: ({ called, ...rest }) => ({ ...rest, fullName: called }),
    },
  ];
  const old: DomainEvent = { type: 'GuestNamed', data: { guestId: ANNA, name: 'Anna' } };

  it('is read through every version between, its personal fields included', async () => {
    const vault = new InMemoryVault();
    const event = await stored(codecFor(first, [], vault), old);
    const [read] = await codecFor(named, upcasters, vault).decode([event]);
    expect(read).toMatchObject({ data: { guestId: ANNA, fullName: 'Anna' }, version: '3.0' });
    expect(read?.metadata.eventVersion).toBe('1.0');
  });

  it('is read as erased too', async () => {
    const vault = new InMemoryVault();
    const event = await stored(codecFor(first, [], vault), old);
    await vault.destroy(ANNA);
    expect(await dataOf(codecFor(named, upcasters, vault), event)).toEqual({ guestId: ANNA, fullName: ERASED });
  });

  it('is not read when a step is missing', async () => {
    const vault = new InMemoryVault();
    const event = await stored(codecFor(first, [], vault), old);
    await expect(codecFor(named, upcasters.slice(0, 1), vault).decode([event])).rejects.toThrow('nothing reads its version 1.0');
  });

  it('has one way to the next', () => {
    expect(() => codecFor(named, [...upcasters, ...upcasters])).toThrow('Two upcasters');
    expect(() => codecFor(first, [{ ...upcasters[0]!, type: 'Nothing' }])).toThrow('which nothing declares');
  });
});

describe('The envelope', () => {
  it('says what happened, to what, when, by whom and why', async () => {
    const codec = codecOf();
    const [read] = await codec.decode([await stored(codec, noted)]);
    expect(JSON.parse(JSON.stringify(toEnvelope(read!)))).toEqual({
      eventId: ID,
      eventType: 'TallyAdded',
      aggregateId: TALLY_ID,
      aggregateType: 'Tally',
      eventVersion: '1.0',
      timestamp: metadata.timestamp,
      correlationId: metadata.correlationId,
      causationId: metadata.causationId,
      revision: 4,
      position: '77',
      metadata: { source: 'spec', role: 'student', userId: ANNA, commandId: metadata.commandId, commandType: 'AddToTally' },
      data: noted.data,
    });
  });
});
