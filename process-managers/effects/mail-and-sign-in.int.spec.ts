import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as newId } from 'uuid';
import { deciders } from '#domain/deciders.ts';
import { factProviders } from '#domain/facts.ts';
import { releaseEmail, reserveEmail } from '#domain/identity/email-reservation.ts';
import { MailOutcomeUnknown, mailDelivery, recordMailSent } from '#domain/identity/mail-delivery.ts';
import { activateUser, expireUnverified, registerUser, suspendAccount } from '#domain/identity/user-account.messages.ts';
import { userAccount } from '#domain/identity/user-account.ts';
import { command, SYSTEM, type CommandMessage } from '#domain/kernel/command.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { DAY, MINUTE, plus } from '#domain/kernel/time.ts';
import { UpstreamRefused, UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import { launchEventStore, type LaunchedEventStore } from '#infra/embedded/eventstoredb/launch.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { Codec } from '#infra/event-store/codec.ts';
import type { EffectContext } from '#infra/process-managers/effect.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { InMemoryVault } from '#infra/vault/vault.ts';
import { deleteSignUpEffect } from './delete-sign-up.ts';
import { disableSignInEffect } from './disable-sign-in.ts';
import { sendMailEffect } from './send-mail.ts';
import { sendVerificationMailEffect } from './send-verification-mail.ts';

let dir: string;
let server: LaunchedEventStore;
let client: EventStoreClient;
let aggregates: Aggregates;
const vault = new InMemoryVault();
const clock = new MovableClock();
const tokens = new MailTokens(Buffer.alloc(32, 7));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'effects-'));
  server = await launchEventStore({ dir });
  client = new EventStoreClient({ connectionString: server.connectionString });
  aggregates = new Aggregates({ deciders, factProviders, client, codec: new Codec({ deciders, vault }), vault, clock });
});
afterAll(async () => {
  await client.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const contextOf = (commandId: string, correlationId: string) => ({
  commandId,
  correlationId,
  causationId: correlationId,
  source: 'spec',
  by: SYSTEM,
});
const send = (message: CommandMessage, at?: string) =>
  aggregates.execute(message, { ...contextOf(newId(), newId()), ...(at === undefined ? {} : { at }) });

/** What the engine gives to an effect; the same cause on every attempt. */
function contextFor(causeId: string): EffectContext {
  return {
    commands: {
      send: (message, step = '') => aggregates.execute(message, contextOf(followUpId('spec', causeId, message.type, step), causeId)),
    },
    load: (decider, id) => aggregates.load(decider, id),
    cause: { id: causeId, eventId: causeId, correlationId: causeId, at: clock.now() },
    clock,
  };
}

async function registered(email = `${newId()}@example.org`): Promise<{ userId: string; email: string; emailHash: string }> {
  const userId = newId();
  const emailHash = tokens.emailHash(email);
  await send(command(reserveEmail, { emailHash, userId }));
  await send(command(registerUser, { userId, email, emailHash, role: 'student', timeZone: 'UTC', locale: 'en' }));
  return { userId, email, emailHash };
}

/** A mail service on the other side of the wire: it keeps what it accepted, and answers as it is told. */
function mailService(answer: () => Promise<void> = async () => undefined, listeningFor = () => MINUTE) {
  const accepted: { to: string; text: string; deliveryId: string }[] = [];
  return {
    accepted,
    adapters: {
      mailer: {
        sendMail: async (mail: { to: string; subject: string; text: string; deliveryId: string }) => {
          accepted.push(mail);
          await answer();
          return `message-${accepted.length}`;
        },
      },
      tokens,
      publicUrl: 'https://chalkstream.example',
      listeningFor,
    },
  };
}

describe('A mail', () => {
  const about = (userId: string, deliveryId = newId()) => ({
    deliveryId,
    template: 'consent-granted' as const,
    to: { userId },
    params: {},
  });

  it('goes out once, however often the effect runs', async () => {
    const { userId, email } = await registered();
    const { accepted, adapters } = mailService();
    const mail = about(userId);
    const effect = sendMailEffect(adapters);
    for (let run = 0; run < 3; run++) await effect.run(mail, contextFor(mail.deliveryId));
    expect(accepted.map(({ to }) => to)).toEqual([email]);
    expect((await aggregates.load(mailDelivery, mail.deliveryId)).state.status).toBe('Sent');
  });

  it('is not sent again when the process died between the call and its record, until the service tells', async () => {
    const { userId } = await registered();
    const { accepted, adapters } = mailService(() => Promise.reject(new UpstreamUnsure('ses', 'ECONNRESET', false)));
    const mail = about(userId);
    const effect = sendMailEffect(adapters);
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(UpstreamUnsure);
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(MailOutcomeUnknown);
    await send(command(recordMailSent, { deliveryId: mail.deliveryId, providerMessageId: 'told-by-the-notice' }));
    await effect.run(mail, contextFor(mail.deliveryId));
    expect(accepted).toHaveLength(1);
  });

  it('is tried again at once when it surely was not sent', async () => {
    const { userId } = await registered();
    const answers = [new UpstreamRefused('ses', 'Throttling', 400), new UpstreamUnsure('ses', 'ECONNREFUSED', true)];
    const { accepted, adapters } = mailService(async () => {
      const error = answers.shift();
      if (error !== undefined) throw error;
    });
    const mail = about(userId);
    const effect = sendMailEffect(adapters);
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(UpstreamRefused);
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(UpstreamUnsure);
    await effect.run(mail, contextFor(mail.deliveryId));
    expect(accepted).toHaveLength(3);
    const history = await aggregates.history('MailDelivery', mail.deliveryId);
    expect(history.map(({ type }) => type)).toEqual([
      'MailAttempted',
      'MailAttemptFailed',
      'MailAttempted',
      'MailAttemptFailed',
      'MailAttempted',
      'MailSent',
    ]);
  });

  it('is tried again when nothing was heard in time', async () => {
    const { userId } = await registered();
    let lost = true;
    const { accepted, adapters } = mailService(async () => {
      if (lost) throw new UpstreamUnsure('ses', 'ECONNRESET', false);
    });
    const mail = about(userId);
    const effect = sendMailEffect(adapters);
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(UpstreamUnsure);
    lost = false;
    clock.moveTo(plus(clock.now(), MINUTE));
    await effect.run(mail, contextFor(mail.deliveryId));
    expect(accepted).toHaveLength(2);
  });

  it('waits for the notice again when the process has just come back, however long it was away', async () => {
    const { userId } = await registered();
    let up = 1_000;
    const { accepted, adapters } = mailService(
      () => Promise.reject(new UpstreamUnsure('ses', 'ECONNRESET', false)),
      () => up,
    );
    const mail = about(userId);
    const effect = sendMailEffect(adapters);
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(UpstreamUnsure);
    clock.moveTo(plus(clock.now(), DAY));
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(MailOutcomeUnknown);
    expect(accepted).toHaveLength(1);
    up = MINUTE;
    await expect(effect.run(mail, contextFor(mail.deliveryId))).rejects.toBeInstanceOf(UpstreamUnsure);
    expect(accepted).toHaveLength(2);
  });

  it('does not go to a forgotten person', async () => {
    const { userId } = await registered();
    const { accepted, adapters } = mailService();
    await vault.destroy(userId);
    await sendMailEffect(adapters).run(about(userId), contextFor(newId()));
    expect(accepted).toEqual([]);
  });
});

describe('A verification mail', () => {
  it('holds a token of which only the hash is on record', async () => {
    const { userId } = await registered();
    const { accepted, adapters } = mailService();
    const cause = newId();
    const effect = sendVerificationMailEffect(adapters);
    for (let run = 0; run < 2; run++) await effect.run({ userId }, contextFor(cause));
    expect(accepted).toHaveLength(1);
    const token = /token=([\w-]{64})/.exec(accepted[0]!.text)![1]!;
    const { state } = await aggregates.load(userAccount, userId);
    expect(state.tokens).toEqual([expect.objectContaining({ tokenHash: MailTokens.read(token)!.hash })]);
    expect(MailTokens.read(token)!.subjectId).toBe(userId);
    const stored = JSON.stringify(
      [...(await aggregates.history('UserAccount', userId)), ...(await aggregates.history('MailDelivery', accepted[0]!.deliveryId))].map(
        ({ data }) => data,
      ),
    );
    expect(stored).not.toContain(token);
  });

  it('records the token when the process died after sending', async () => {
    const { userId } = await registered();
    const cause = newId();
    const { accepted, adapters } = mailService();
    const crash = new Error('killed');
    const context = contextFor(cause);
    const dying: EffectContext = {
      ...context,
      commands: {
        send: (message, step) => (message.type === 'RecordVerificationSent' ? Promise.reject(crash) : context.commands.send(message, step)),
      },
    };
    const effect = sendVerificationMailEffect(adapters);
    await expect(effect.run({ userId }, dying)).rejects.toBe(crash);
    await effect.run({ userId }, context);
    expect(accepted).toHaveLength(1);
    expect((await aggregates.load(userAccount, userId)).state.tokens).toHaveLength(1);
  });

  it('is not sent once the account is active', async () => {
    const { userId } = await registered();
    await send(command(activateUser, { userId }));
    const { accepted, adapters } = mailService();
    await sendVerificationMailEffect(adapters).run({ userId }, contextFor(newId()));
    expect(accepted).toEqual([]);
  });
});

describe('The log-in under an address', () => {
  /** A user pool on the other side of the wire. */
  function userPool() {
    const calls: string[] = [];
    const note = (call: string) => async (email: string, enabled?: boolean) => {
      calls.push([call, email, ...(enabled === undefined ? [] : [String(enabled)])].join(' '));
    };
    return {
      calls,
      pool: {
        confirm: note('confirm'),
        deleteUser: note('delete'),
        setEnabled: note('enabled'),
        signOutEverywhere: note('sign out'),
      },
    };
  }

  it('is removed with an expired registration, and never again once the address is free', async () => {
    const { userId, email, emailHash } = await registered();
    await send(command(expireUnverified, { userId }), plus(clock.now(), 8 * DAY));
    const { calls, pool } = userPool();
    const effect = deleteSignUpEffect({ pool });
    await effect.run({ userId }, contextFor(newId()));
    await send(command(releaseEmail, { emailHash, userId }));
    await registered(email);
    await effect.run({ userId }, contextFor(newId()));
    expect(calls).toEqual([`delete ${email}`]);
  });

  it('stays while the registration may still be verified', async () => {
    const { userId } = await registered();
    const { calls, pool } = userPool();
    await deleteSignUpEffect({ pool }).run({ userId }, contextFor(newId()));
    expect(calls).toEqual([]);
  });

  it('is closed while the account is suspended, and not by an old suspension', async () => {
    const { userId, email } = await registered();
    await send(command(activateUser, { userId }));
    const { calls, pool } = userPool();
    const effect = disableSignInEffect({ pool });
    await effect.run({ userId }, contextFor(newId()));
    expect(calls).toEqual([]);
    await send(command(suspendAccount, { userId, reason: 'spam' }));
    await effect.run({ userId }, contextFor(newId()));
    expect(calls).toEqual([`enabled ${email} false`, `sign out ${email}`]);
  });
});
