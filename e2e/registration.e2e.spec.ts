import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import type { Api } from '#app/demo/api.ts';
import { join, newPerson, signIn, tokenIn, type Person, type World } from '#app/demo/people.ts';
import { Registrations } from '#command-api/identity/registration.ts';
import { emailReservation, reserveEmail } from '#domain/identity/email-reservation.ts';
import { command, SYSTEM } from '#domain/kernel/command.ts';
import { DAY, MINUTE, plus } from '#domain/kernel/time.ts';
import type { UserPool } from '#infra/adapters/cognito/user-pool.ts';
import { UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import { RequestCaller } from '#infra/http/caller.ts';
import { comesBackTheSame } from './comes-back-the-same.ts';
import { EmbeddedPlatform, refusal } from './embedded-platform.ts';
import { eventually } from './eventually.ts';

let platform: EmbeddedPlatform;
let world: World;
let admin: Api;

beforeAll(async () => {
  platform = await EmbeddedPlatform.start();
  ({ world } = platform);
  admin = await platform.admin();
}, 120_000);
afterAll(() => platform?.stop());

const contextOf = (commandId: string) => ({ commandId, correlationId: commandId, causationId: commandId, source: 'spec', by: SYSTEM });
const json = (body: object) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const registration = (email: string, password = 'long-enough-Passw0rd!') => ({
  email,
  password,
  role: 'student',
  timeZone: 'Europe/Berlin',
  locale: 'de-DE',
});

describe('Registering', () => {
  it('answers alike for a known address, and tells its owner', async () => {
    const known = newPerson(world, 'Ada');
    const first = await known.api.post('/auth/register', registration(known.email));
    await world.operator.mailTo(known.email, 'confirm your e-mail address');
    const second = await known.api.post('/auth/register', registration(known.email.toUpperCase(), 'another-Passw0rd!'));
    expect(second).toEqual(first);
    expect(await world.operator.mailTo(known.email, 'You have an account already')).toContain('nothing has changed');
  });

  it('makes one account of a request that is sent again, also beside itself', async () => {
    const hal = newPerson(world, 'Hal');
    const other = newPerson(world, 'Ida');
    const register = (person: Person) => person.api.post('/auth/register', registration(person.email, person.password), 'one-key-for-all');
    await Promise.all([register(hal), register(hal), register(hal)]);
    await register(hal);
    // The same key with another address is another person, and holds nobody's address.
    await register(other);
    const token = tokenIn(await world.operator.mailTo(hal.email, 'confirm your e-mail address'));
    await hal.api.post('/auth/verify-email', { token });
    await signIn(hal);
    await world.operator.mailTo(other.email, 'confirm your e-mail address');
    expect(await world.operator.mailsTo(hal.email)).toHaveLength(1);
    const { database } = platform.foundation;
    expect(await database.query(`select 1 from engine.idempotency_keys where body like '%accepted%'`)).toEqual([]);
  });

  it('tells a person whose link is wrong so on a page, and a program by a problem', async () => {
    const wrong = `${world.publicUrl}/consents/cut-short/page`;
    const page = await fetch(wrong, { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      403,
      'text/html; charset=utf-8',
      expect.stringContaining('This consent link is not valid.'),
    ]);
    expect([page.headers.get('content-security-policy'), page.headers.get('referrer-policy')]).toEqual([
      expect.stringMatching(/^default-src 'none'; style-src 'sha256-/),
      'no-referrer',
    ]);
    const program = await fetch(wrong);
    expect([program.headers.get('content-type'), await program.json()]).toEqual([
      expect.stringContaining('application/problem+json'),
      expect.objectContaining({ code: 'consent_token_invalid' }),
    ]);
  });

  it('spends the token of the mail by a POST only, and accepts it twice', async () => {
    const ben = newPerson(world, 'Ben');
    await ben.api.post('/auth/register', registration(ben.email, ben.password));
    const token = tokenIn(await world.operator.mailTo(ben.email, 'confirm your e-mail address'));
    const page = await fetch(`${world.publicUrl}/auth/verify-email?token=${token}`);
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      expect.stringContaining('<button>'),
    ]);
    expect(await refusal(ben.api.post('/auth/login', ben))).toEqual([403, 'email_not_verified']);
    const form = await fetch(`${world.publicUrl}/auth/verify-email/form`, { method: 'POST', body: new URLSearchParams({ token }) });
    expect([form.status, await form.text()]).toEqual([200, expect.stringContaining('confirmed')]);
    await ben.api.post('/auth/verify-email', { token });
    expect(await refusal(ben.api.post('/auth/verify-email', { token: token.replace(/.{8}$/, 'AAAAAAAA') }))).toEqual([
      422,
      'verification_token_invalid',
    ]);
    await signIn(ben);
    expect(await ben.api.get('/users/profile')).toMatchObject({ email: ben.email, role: 'student', status: 'Active', student: null });
  });

  it('lets people log in, refresh, reset the password and log out', async () => {
    const cleo = newPerson(world, 'Cleo');
    await join(world, cleo, 'tutor', 'Europe/Paris');
    expect(await refusal(cleo.api.post('/auth/login', { email: cleo.email, password: 'wrong' }))).toEqual([401, 'unauthenticated']);
    expect(await refusal(cleo.api.post('/auth/login', { email: 'nobody@example.org', password: 'wrong' }))).toEqual([
      401,
      'unauthenticated',
    ]);
    const { refreshToken } = await cleo.api.post<{ refreshToken: string }>('/auth/login', cleo);
    expect(await cleo.api.post('/auth/refresh', { refreshToken })).toMatchObject({ accessToken: expect.any(String) });
    await cleo.api.post('/auth/logout', { refreshToken });
    expect(await refusal(cleo.api.post('/auth/refresh', { refreshToken }))).toEqual([401, 'unauthenticated']);
    expect(await cleo.api.post('/auth/forgot-password', { email: 'nobody@example.org' })).toEqual({ accepted: true });
    await cleo.api.post('/auth/forgot-password', { email: cleo.email });
    const code = /\b\d{6}\b/.exec(await world.operator.mailTo(cleo.email, 'code'))![0];
    const password = 'a-new-Passw0rd!';
    expect(await refusal(cleo.api.post('/auth/reset-password', { email: cleo.email, code: '000000x', password }))).toEqual([
      422,
      'reset_code_invalid',
    ]);
    await cleo.api.post('/auth/reset-password', { email: cleo.email, code, password });
    expect(await cleo.api.post('/auth/login', { email: cleo.email, password })).toMatchObject({ accessToken: expect.any(String) });
  });

  it('keeps a suspended person out, and lets a reinstated one in', async () => {
    const dora = newPerson(world, 'Dora');
    await join(world, dora, 'student', 'Europe/Berlin');
    const logsIn = async () => (await fetch(`${world.publicUrl}/auth/login`, json(dora))).status;
    await admin.post(`/admin/users/${dora.userId}/suspend`, { reason: 'spam' });
    await eventually(logsIn, 401);
    await admin.post(`/admin/users/${dora.userId}/reinstate`);
    await eventually(logsIn, 200);
  });
});

describe('A registration that was cut short', () => {
  it('gives address and log-in to the next one after a minute', async () => {
    const { foundation, commands } = platform;
    const finn = newPerson(world, 'Finn');
    // What a process leaves behind that dies between the log-in and the account.
    const userId = newId();
    const emailHash = new MailTokens(foundation.config.masterKey).emailHash(finn.email);
    await commands.send(command(reserveEmail, { emailHash, userId }), contextOf(userId));
    await foundation.adapters.userPool.signUp({ email: finn.email, password: 'the-first-Passw0rd!', userId, role: 'student' });

    await finn.api.post('/auth/register', registration(finn.email, finn.password));
    expect((await foundation.aggregates.load(emailReservation, emailHash)).state.heldBy).toBe(userId);
    await world.operator.moveClockTo(plus(platform.clock.now(), MINUTE));
    await finn.api.post('/auth/register', registration(finn.email, finn.password));
    const token = tokenIn(await world.operator.mailTo(finn.email, 'confirm your e-mail address'));
    await finn.api.post('/auth/verify-email', { token });
    await signIn(finn);
    expect(finn.userId).not.toBe(userId);
  });

  it('goes on with the log-in that a retry beside it has made meanwhile', async () => {
    const { foundation } = platform;
    const joe = newPerson(world, 'Joe');
    const pool = foundation.adapters.userPool;
    // Of the log-ins that this registration makes, each was there already: made a moment before by a retry that is as far as this one.
    const beside = Object.assign(Object.create(pool) as UserPool, {
      signUp: async (user: Parameters<UserPool['signUp']>[0]) => {
        await pool.signUp(user);
        await pool.signUp(user);
      },
    });
    const registrations = new Registrations(platform.commands, foundation.aggregates, beside, foundation.config);
    const caller = new RequestCaller({ role: 'anonymous' }, 'spec', 'command-api', undefined, undefined);
    const { password, ...wanted } = { ...registration(joe.email, joe.password), role: 'student' as const };
    await registrations.register(wanted, password, caller);
    const token = tokenIn(await world.operator.mailTo(joe.email, 'confirm your e-mail address'));
    await joe.api.post('/auth/verify-email', { token });
    await signIn(joe);
  });

  it('is taken back when the account cannot be created', async () => {
    const { foundation } = platform;
    const gil = newPerson(world, 'Gil');
    const body = { ...registration(gil.email, gil.password), displayName: 'Gil' };
    // The address is refused by the user pool after it was reserved.
    const refusing = Object.assign(Object.create(foundation.adapters.userPool) as UserPool, {
      signUp: () => Promise.reject(new UpstreamUnsure('cognito', 'ECONNREFUSED', true)),
    });
    const registrations = new Registrations(platform.commands, foundation.aggregates, refusing, foundation.config);
    const caller = new RequestCaller({ role: 'anonymous' }, 'spec', 'command-api', undefined, undefined);
    const { password, ...wanted } = body;
    await expect(registrations.register({ ...wanted, role: 'student' }, password, caller)).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    const emailHash = new MailTokens(foundation.config.masterKey).emailHash(gil.email);
    expect((await foundation.aggregates.load(emailReservation, emailHash)).state.heldBy).toBeUndefined();
    await join(world, gil, 'student', 'Europe/Berlin');
  });
});

describe('A registration that nobody verifies', () => {
  it('ends after a week and gives its address back', async () => {
    const eve = newPerson(world, 'Eve');
    await eve.api.post('/auth/register', registration(eve.email));
    await world.operator.mailTo(eve.email, 'confirm your e-mail address');
    await world.operator.moveClockTo(plus(platform.clock.now(), 7 * DAY));
    type Found = { users: { status: string }[] };
    const statuses = async () =>
      (await platform.internal<Found>('GET', `/internal/users/search?email=${eve.email}`))[1].users.map(({ status }) => status).join();
    await eventually(statuses, 'Closed');
    await eventually(async () => {
      await eve.api.post('/auth/register', registration(eve.email, eve.password));
      return statuses();
    }, 'PendingVerification,Closed');
  });
});

describe('Without the database of the read models', () => {
  it('everything comes back the same from the log, with no mail and no new event', async () => {
    await comesBackTheSame(platform, ['identity.user_accounts']);
  }, 120_000);
});
