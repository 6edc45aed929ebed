import { deciders } from '#domain/deciders.ts';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import { operations } from '#infra/operations/operations.ts';
import { effectDefinitions } from '#process-managers/effects/effects.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import type { Declarations } from './catalogue.ts';

/** All that this system declares. */
export const declarations: Declarations = {
  deciders: [...deciders, operations as unknown as AnyDecider],
  processManagers,
  effects: effectDefinitions,
};
