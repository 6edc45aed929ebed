import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { followUpId } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { contextOf, tallyDeciders, tallyFacts } from '#infra/event-store/tally.examples.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { Commands, CommandsModule, EffectRunners } from './commands.module.ts';
import { InvalidCommand, UnknownCommand } from './commands.ts';

let app: INestApplicationContext | undefined;
let client: EventStoreClient | undefined;
afterEach(async () => {
  await app?.close();
  await client?.close();
});

/** The command side without a store behind it: nothing here gets as far as an append. */
async function started(): Promise<{ commands: Commands; effects: EffectRunners }> {
  const vault = new InMemoryVault();
  client = new EventStoreClient({ connectionString: 'esdb://127.0.0.1:1?tls=false' });
  const codec = new Codec({ deciders: tallyDeciders, vault });
  const aggregates = new Aggregates({ deciders: tallyDeciders, factProviders: tallyFacts, client, codec, vault, clock: new SystemClock() });
  app = await NestFactory.createApplicationContext(CommandsModule.forRoot(aggregates), { logger: false });
  await app.init();
  return { commands: app.get(Commands), effects: app.get(EffectRunners) };
}

class MailboxFull extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The mailbox is full.';
}

describe('The command bus', () => {
  it('brings a command to its aggregate', async () => {
    const { commands } = await started();
    await expect(commands.send({ type: 'AddToTally', data: { tallyId: 'no uuid' } }, contextOf('one'))).rejects.toThrow(InvalidCommand);
  });

  it('brings an effect to the one who runs it, with its circumstances', async () => {
    const { commands, effects } = await started();
    const ran: unknown[] = [];
    effects.register('SendLetter', async (message, context) => {
      await Promise.resolve();
      ran.push(message.data, context.commandId);
    });
    const context = contextOf('letter');
    expect(await commands.send({ type: 'SendLetter', data: { to: 'Anna' } }, context)).toEqual({
      id: context.commandId,
      revision: -1,
      position: '0',
      events: [],
    });
    expect(ran).toEqual([{ to: 'Anna' }, followUpId('spec command', 'letter')]);
  });

  it('hands on what an effect throws', async () => {
    const { commands, effects } = await started();
    effects.register('SendLetter', () => Promise.reject(new MailboxFull()));
    await expect(commands.send({ type: 'SendLetter', data: {} }, contextOf('letter'))).rejects.toThrow(MailboxFull);
  });

  it('knows no command that nobody takes', async () => {
    const { commands } = await started();
    await expect(commands.send({ type: 'Sing', data: {} }, contextOf('song'))).rejects.toThrow(UnknownCommand);
  });

  it('takes one runner for an effect', async () => {
    const { effects } = await started();
    effects.register('SendLetter', () => Promise.resolve());
    expect(() => effects.register('SendLetter', () => Promise.resolve())).toThrow('Two effects');
  });
});
