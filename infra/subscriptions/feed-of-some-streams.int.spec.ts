import { afterEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as newId } from 'uuid';
import { z } from 'zod';
import { defineEvent } from '#domain/kernel/event.ts';
import { launchEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { contextOf, tallyDeciders } from '#infra/event-store/tally.examples.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { afterwards, clientOf, endAll, following } from './following.examples.ts';

afterEach(endAll);

it('A feed can ask for no other streams than those of its types, and still reaches the end', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'feed-'));
  const server = await launchEventStore({ dir });
  afterwards(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const abacusMoved = defineEvent('AbacusMoved', { sentence: 'A bead was moved.', schema: z.object({}) });
  const abacus = { ...tallyDeciders[0]!, aggregateType: 'Abacus', events: [abacusMoved] };
  const codec = new Codec({ deciders: [...tallyDeciders, abacus], vault: new InMemoryVault() });
  const client = clientOf(server);
  const written = async (aggregateType: string, type: string, data: object): Promise<bigint> => {
    const aggregateId = newId();
    const { commandId, correlationId } = contextOf(aggregateId);
    const metadata = {
      eventVersion: '1.0',
      aggregateType,
      aggregateId,
      timestamp: '2026-11-23T12:00:00.000Z',
      source: 'spec',
      commandId,
      commandType: 'Spec',
      correlationId,
      causationId: commandId,
      role: 'student',
    };
    const { stored } = await codec.encode(newId(), { type, data }, metadata);
    const { position } = await client.append(`${aggregateType}-${aggregateId}`, [stored], 'no_stream');
    return position!;
  };
  await written('Tally', 'TallyAdded', { tallyId: newId(), amount: 1 });
  let last = 0n;
  for (let n = 0; n < 100; n++) last = await written('Abacus', abacusMoved.type, {});

  // A page an event: those of the abacus would be pages too, were they read.
  const request = { codec, types: ['TallyAdded'], pageSize: 1 };
  const some = following(client, { ...request, onlyTheirStreams: true, watchEveryMs: 60_000 });
  await some.until(() => some.feed.caughtUp && some.events().length === 1);
  const all = following(client, request);
  await all.until(() => all.feed.position === last);
  expect(all.events()).toEqual(some.events());
  expect(all.pages.length).toBeGreaterThan(100);
  expect(some.pages.length).toBeLessThan(20);
});
