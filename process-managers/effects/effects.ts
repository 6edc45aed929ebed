import type { EffectDefinition } from '#domain/kernel/consumer.ts';
import { agoraEffects } from './agora-effects.ts';
import { lessonFileEffects } from './lesson-file-effects.ts';
import { askParent } from './ask-parent.ts';
import { confirmSignUp } from './confirm-sign-up.ts';
import { deleteSignUp } from './delete-sign-up.ts';
import { disableSignIn, enableSignIn } from './disable-sign-in.ts';
import { sendMail } from './send-mail.ts';
import { sendVerificationMail } from './send-verification-mail.ts';
import { stripeEffects } from './stripe-effects.ts';

/** The declaration of every effect: catalogued, and checked to say how it is undone. The handlers stand beside each declaration. */
export const effectDefinitions: readonly EffectDefinition[] = [
  sendMail,
  sendVerificationMail,
  askParent,
  confirmSignUp,
  disableSignIn,
  enableSignIn,
  deleteSignUp,
  ...stripeEffects,
  ...agoraEffects,
  ...lessonFileEffects,
];
