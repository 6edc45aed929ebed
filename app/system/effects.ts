import type { EffectHandler } from '#infra/process-managers/effect.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import { recordingHandlers } from '#process-managers/effects/agora-recording.ts';
import { askParentEffect } from '#process-managers/effects/ask-parent.ts';
import { confirmSignUpEffect } from '#process-managers/effects/confirm-sign-up.ts';
import { deleteSignUpEffect } from '#process-managers/effects/delete-sign-up.ts';
import { disableSignInEffect, enableSignInEffect } from '#process-managers/effects/disable-sign-in.ts';
import { lessonFileHandlers } from '#process-managers/effects/lesson-file-effects.ts';
import { sendMailEffect } from '#process-managers/effects/send-mail.ts';
import { sendVerificationMailEffect } from '#process-managers/effects/send-verification-mail.ts';
import { stripeHandlers } from '#process-managers/effects/stripe-handlers.ts';
import type { Foundation } from './foundation.ts';

/** Agora's numbers of the AWS regions that it can store recordings in. */
const AGORA_REGIONS: Readonly<Record<string, number>> = {
  'us-east-1': 0,
  'us-east-2': 1,
  'us-west-1': 2,
  'us-west-2': 3,
  'eu-west-1': 4,
  'eu-west-2': 5,
  'eu-west-3': 6,
  'eu-central-1': 7,
};

/**
 * The handlers of all effects, over the adapters of this process. `listeningFor`: milliseconds for which the platform has been able to
 * hear webhooks.
 */
export function effectHandlers({ config, adapters }: Foundation, listeningFor: () => number | Promise<number>): readonly EffectHandler[] {
  const tokens = new MailTokens(config.masterKey);
  const mail = {
    mailer: adapters.mailer,
    tokens,
    publicUrl: config.publicHttp.url,
    listeningFor,
  };
  const signIn = { pool: adapters.userPool };
  return [
    sendMailEffect(mail),
    sendVerificationMailEffect(mail),
    askParentEffect({ tokens }),
    confirmSignUpEffect(signIn),
    disableSignInEffect(signIn),
    enableSignInEffect(signIn),
    deleteSignUpEffect(signIn),
    ...stripeHandlers(adapters.stripe),
    ...recordingHandlers({ tokens: adapters.roomTokens, rooms: adapters.rooms, storage: recordingStorage(config), files: adapters.files }),
    ...lessonFileHandlers(adapters.files),
  ];
}

function recordingStorage({ aws, agora }: Foundation['config']) {
  const region = AGORA_REGIONS[aws.region];
  if (agora.storage === undefined || region === undefined) return undefined;
  return { region, bucket: aws.bucket, accessKey: agora.storage.accessKeyId, secretKey: agora.storage.secretAccessKey };
}
