import { deciders } from '#domain/deciders.ts';
import type { ReadModel } from '#domain/kernel/consumer.ts';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import { frozen } from '#infra/verify/frozen.ts';
import { Storyteller } from '#infra/verify/story.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { readModels } from '#projections/read-models.ts';

/** Other stories: `VERIFY_SEED=7 npm run verify`. */
export const seed = Number(process.env['VERIFY_SEED'] ?? 20_261_122);

/** What the verify kit tells a read model: every event that it handles, three times, about so few things that they meet in the same rows. */
export function storyOf(model: ReadModel): readonly RecordedEvent[] {
  return frozen(new Storyteller(deciders, seed, { ids: 2, shortest: 1 }).tellAll(3, new Set(Object.keys(model.on))));
}

/** What it tells all read models together. */
export function storyOfAll(): readonly RecordedEvent[] {
  return frozen(new Storyteller(deciders, seed, { ids: 4 }).tellAll(3, new Set(readModels.flatMap(({ on }) => Object.keys(on)))));
}

/** What the verify kit tells all process managers together: every event that one of them handles, `rounds` times. */
export function storyOfManagers(rounds: number): readonly RecordedEvent[] {
  const types = new Set(processManagers.flatMap(({ on }) => Object.keys(on)));
  return frozen(new Storyteller(deciders, seed, { ids: 3, shortest: 1 }).tellAll(rounds, types));
}
