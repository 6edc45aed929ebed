import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deciders } from '#domain/deciders.ts';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { reactionsTo } from '#domain/kernel/given-when-then.ts';
import { refusalCode } from '#domain/kernel/refusal.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { findingsOfManagers, managerTortures, type ManagerTorture } from '#infra/verify/process-managers.ts';
import { effectDefinitions } from '#process-managers/effects/effects.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { storyOfManagers } from './stories.ts';

const tortures = Object.keys(managerTortures) as ManagerTorture[];

/** Deaths and restarts take long: they get the short story. */
const ROUNDS: Readonly<Record<ManagerTorture, number>> = {
  'one run in one go': 3,
  'everything delivered twice': 3,
  'a restart at every checkpoint': 1,
  'a death after every await': 1,
  'a death before every await took effect': 1,
  'timers at their time, one by one': 3,
  'timers late and twice': 3,
};

describe('Every process manager', () => {
  const commands = new Map(deciders.flatMap((decider) => decider.commands).map((definition) => [definition.type, definition.data]));
  const effects = new Map(effectDefinitions.map((definition) => [definition.type, definition.data]));
  const refusals = new Set(deciders.flatMap((decider) => decider.refusals).map(refusalCode));
  let postgres: DisposableServer;
  /** All trials go on beside each other, each with a database of its own: much of their time is waiting. */
  const trials = new Map<ManagerTorture, Promise<string[]>>();
  beforeAll(async () => {
    postgres = await disposableServer();
    const databases = await Promise.all(tortures.map(() => postgres.create()));
    for (const [nth, torture] of tortures.entries()) {
      const { database } = databases[nth]!;
      const story = storyOfManagers(ROUNDS[torture]);
      const findings = findingsOfManagers(torture, { database, fresh: () => processManagers, story });
      // Whoever asks for the findings hears of it.
      findings.catch(() => undefined);
      trials.set(torture, findings);
    }
  }, 60_000);
  afterAll(async () => {
    await Promise.allSettled(trials.values());
    await postgres.dispose();
  }, 120_000);

  it('reacts with commands that exist, whose data fits, and names only refusals that exist', () => {
    const wrong = new Set<string>();
    const check = (manager: string, { type, data }: CommandMessage): void => {
      const schema = commands.get(type) ?? effects.get(type);
      const parsed = schema?.safeParse(data);
      if (parsed === undefined) wrong.add(`${manager}: ${type} does not exist`);
      else if (!parsed.success)
        wrong.add(`${manager}: ${type} ${parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join(', ')}`);
    };
    for (const event of storyOfManagers(10)) {
      for (const manager of processManagers) {
        for (const reaction of reactionsTo(manager, event)) {
          check(manager.name, reaction.command);
          for (const [code, message] of Object.entries(reaction.otherwise ?? {})) {
            check(manager.name, message);
            if (!refusals.has(code)) wrong.add(`${manager.name}: otherwise ${code} is no refusal`);
          }
          for (const code of reaction.settledBy ?? [])
            if (!refusals.has(code)) wrong.add(`${manager.name}: settledBy ${code} is no refusal`);
        }
      }
    }
    expect([...wrong]).toEqual([]);
  });

  it.each(tortures)(
    'sends what follows from its events, and nothing else, through %s',
    async (torture) => expect(await trials.get(torture)).toEqual([]),
    120_000,
  );
});
