import type { FactProvider } from './kernel/facts.ts';

/** Where each command's facts about other aggregates come from. A spec fails when a command with facts has no entry here. */
export const factProviders: readonly FactProvider[] = [];
