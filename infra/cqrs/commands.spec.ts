import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { contextOf, tallyDeciders, tallyFacts } from '#infra/event-store/tally.examples.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { Commands, CommandsModule } from './commands.module.ts';
import { InvalidCommand, UnknownCommand } from './commands.ts';

let app: INestApplicationContext | undefined;
let client: EventStoreClient | undefined;
afterEach(async () => {
  await app?.close();
  await client?.close();
});

/** The command side without a store behind it: nothing here gets as far as an append. */
async function started(): Promise<Commands> {
  const vault = new InMemoryVault();
  client = new EventStoreClient({ connectionString: 'esdb://127.0.0.1:1?tls=false' });
  const codec = new Codec({ deciders: tallyDeciders, vault });
  const aggregates = new Aggregates({ deciders: tallyDeciders, factProviders: tallyFacts, client, codec, vault, clock: new SystemClock() });
  app = await NestFactory.createApplicationContext(CommandsModule.forRoot(aggregates), { logger: false });
  await app.init();
  return app.get(Commands);
}

describe('The command bus', () => {
  it('brings a command to its aggregate', async () => {
    const commands = await started();
    await expect(commands.send({ type: 'AddToTally', data: { tallyId: 'no uuid' } }, contextOf('one'))).rejects.toThrow(InvalidCommand);
  });

  it('knows no command that nobody takes', async () => {
    const commands = await started();
    await expect(commands.send({ type: 'Sing', data: {} }, contextOf('song'))).rejects.toThrow(UnknownCommand);
  });
});
