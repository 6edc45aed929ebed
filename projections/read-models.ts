import type { ReadModel } from '#domain/kernel/consumer.ts';

/** Every read model of the system: what the projection engine runs, rebuilds and verifies. */
export const readModels: readonly ReadModel[] = [];
