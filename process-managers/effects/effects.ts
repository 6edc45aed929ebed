import type { EffectDefinition } from '#domain/kernel/consumer.ts';
import { agoraEffects } from './agora-effects.ts';
import { lessonFileEffects } from './lesson-file-effects.ts';
import { stripeEffects } from './stripe-effects.ts';

/** The declaration of every effect: catalogued, and checked to say how it is undone. The handlers stand beside each declaration. */
export const effectDefinitions: readonly EffectDefinition[] = [...stripeEffects, ...agoraEffects, ...lessonFileEffects];
