import { identityFacts } from './identity.facts.ts';
import type { FactProvider } from './kernel/facts.ts';
import { lessonsFacts } from './lessons.facts.ts';
import { matchingFacts } from './matching.facts.ts';
import { paymentsFacts } from './payments.facts.ts';
import { tutoringFacts } from './tutoring.facts.ts';

/** Where each command's facts about other aggregates come from. A spec fails when a command with facts has no entry here. */
export const factProviders: readonly FactProvider[] = [
  ...identityFacts,
  ...tutoringFacts,
  ...matchingFacts,
  ...lessonsFacts,
  ...paymentsFacts,
];
