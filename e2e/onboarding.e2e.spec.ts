import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { v7 as newId } from 'uuid';
import { Registrations } from '#command-api/identity/registration.ts';
import { emailReservation, reserveEmail } from '#domain/identity/email-reservation.ts';
import { command, SYSTEM } from '#domain/kernel/command.ts';
import type { UserPool } from '#infra/adapters/cognito/user-pool.ts';
import { UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import { RequestCaller } from '#infra/http/caller.ts';
import { Database } from '#infra/postgres/database.ts';
import { signedHeaders } from '#infra/auth/signing.ts';
import { ApiProblem, Api } from '#app/demo/api.ts';
import { Operator } from '#app/demo/operator.ts';
import { join, newPerson, signIn, tokenIn, type Person, type World } from '#app/demo/people.ts';
import { startEmbedded, type EmbeddedSystem } from '#app/embedded/embedded.ts';
import { DAY, MINUTE, plus } from '#domain/kernel/time.ts';

let dir: string;
let embedded: EmbeddedSystem;
let world: World;
let admin: Api;

const start = () =>
  startEmbedded({
    dir,
    environment: { PUBLIC_PORT: '0', INTERNAL_PORT: '0', RATE_LIMIT_PER_IP: '0', RATE_LIMIT_PER_CALLER: '0', RATE_LIMIT_STRICT: '0' },
  });
const contextOf = (commandId: string) => ({ commandId, correlationId: commandId, causationId: commandId, source: 'spec', by: SYSTEM });

beforeAll(async () => {
  dir = mkdtempSync(pathOf(tmpdir(), 'onboarding-'));
  // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
  chmodSync(dir, 0o755);
  embedded = await start();
  world = { publicUrl: embedded.addresses.publicUrl, operator: new Operator(() => embedded.addresses), run: 'spec' };
  admin = new Api(world.publicUrl);
  const { email, password } = embedded.addresses.admin;
  admin.token = (await admin.post<{ accessToken: string }>('/auth/login', { email, password })).accessToken;
}, 120_000);
afterAll(async () => {
  await embedded?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The status and code with which a request is refused. */
async function refusal(request: Promise<unknown>): Promise<[number, string]> {
  try {
    await request;
  } catch (error) {
    if (error instanceof ApiProblem) return [error.status, error.code];
    throw error;
  }
  throw new Error('it was allowed');
}

async function internal<T>(method: 'GET' | 'POST', path: string, more: { body?: object; actingAdmin?: string } = {}): Promise<[number, T]> {
  const { internalUrl, internalKey } = embedded.addresses;
  const url = new URL(path, internalUrl);
  const body = more.body === undefined ? undefined : JSON.stringify(more.body);
  const acting = more.actingAdmin === undefined ? {} : { actingAdmin: more.actingAdmin };
  const headers = signedHeaders({ method, url, ...acting, ...(body === undefined ? {} : { body }) }, internalKey);
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body }),
  });
  return [response.status, (await response.json()) as T];
}

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
    const { database } = embedded.system.foundation;
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

const json = (body: object) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** Asks until the answer is what is awaited. */
async function eventually<T>(ask: () => Promise<T>, awaited: T): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if ((await ask()) === awaited) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await ask()).toEqual(awaited);
}

describe('A registration that was cut short', () => {
  it('gives address and log-in to the next one after a minute', async () => {
    const { foundation, commands } = embedded.system;
    const finn = newPerson(world, 'Finn');
    // What a process leaves behind that dies between the log-in and the account.
    const userId = newId();
    const emailHash = new MailTokens(foundation.config.masterKey).emailHash(finn.email);
    await commands.send(command(reserveEmail, { emailHash, userId }), contextOf(userId));
    await foundation.adapters.userPool.signUp({ email: finn.email, password: 'the-first-Passw0rd!', userId, role: 'student' });

    await finn.api.post('/auth/register', registration(finn.email, finn.password));
    expect((await foundation.aggregates.load(emailReservation, emailHash)).state.heldBy).toBe(userId);
    await world.operator.moveClockTo(plus(embedded.clock.now(), MINUTE));
    await finn.api.post('/auth/register', registration(finn.email, finn.password));
    const token = tokenIn(await world.operator.mailTo(finn.email, 'confirm your e-mail address'));
    await finn.api.post('/auth/verify-email', { token });
    await signIn(finn);
    expect(finn.userId).not.toBe(userId);
  });

  it('is taken back when the account cannot be created', async () => {
    const { foundation } = embedded.system;
    const gil = newPerson(world, 'Gil');
    const body = { ...registration(gil.email, gil.password), displayName: 'Gil' };
    // The address is refused by the user pool after it was reserved.
    const refusing = Object.assign(Object.create(foundation.adapters.userPool) as UserPool, {
      signUp: () => Promise.reject(new UpstreamUnsure('cognito', 'ECONNREFUSED', true)),
    });
    const registrations = new Registrations(embedded.system.commands, foundation.aggregates, refusing, foundation.config);
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

describe('A student of fifteen', () => {
  let mia: Person;
  let token: string;
  const parent = 'parent.of.mia@example.org';
  const details = { name: 'Mia Sommer', gradeLevel: 'gcse', subjectsOfInterest: ['Mathematics'] };

  it('gives nothing but the date of birth and the address of a parent', async () => {
    mia = newPerson(world, 'Mia');
    await join(world, mia, 'student', 'Europe/Berlin');
    const minimal = { dateOfBirth: '2011-03-14', parentEmail: parent };
    expect(await refusal(mia.api.post('/students/profile', { ...minimal, ...details }))).toEqual([409, 'consent_required']);
    await mia.api.post('/students/profile', minimal);
    expect(await refusal(mia.api.put('/students/profile', details))).toEqual([409, 'consent_required']);
    token = tokenIn(await world.operator.mailTo(parent, 'would like to learn'));
    expect(await mia.api.until('/students/consent-status', (answer) => answer['status'] === 'Requested' && answer)).toMatchObject({
      required: true,
      round: 1,
    });
  });

  it('cannot answer in the place of the parent', async () => {
    const asParent = { decision: 'grant', scopes: ['account'] };
    expect(await refusal(mia.api.post(`/consents/${token}`, asParent))).toEqual([403, 'not_from_the_child']);
  });

  it('can have the parent asked again, but not within a minute', async () => {
    const answer = await fetch(`${world.publicUrl}/students/consent/resend`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mia.api.token}` },
    });
    expect([answer.status, await answer.json()]).toEqual([429, expect.objectContaining({ code: 'consent_resend_too_soon' })]);
  });

  it('is ready when the parent consents and the profile is complete', async () => {
    const anyone = new Api(world.publicUrl);
    expect(await anyone.get(`/consents/${token}`)).toMatchObject({ status: 'Requested', scopes: expect.any(Array) });
    expect(await refusal(anyone.get(`/consents/${token.replace(/.{8}$/, 'AAAAAAAA')}`))).toEqual([403, 'consent_token_invalid']);
    const page = await fetch(`${world.publicUrl}/consents/${token}/page`);
    expect(await page.text()).toContain('<input type="checkbox" name="scope" value="recording">');
    const nothingTicked = new URLSearchParams({ decision: 'grant' });
    const hint = await fetch(`${world.publicUrl}/consents/${token}/form`, { method: 'POST', body: nothingTicked });
    expect(await hint.text()).toContain('Nothing was ticked');
    const form = new URLSearchParams([
      ['decision', 'grant'],
      ['scope', 'account'],
      ['scope', 'messaging'],
      ['scope', 'video'],
    ]);
    const answer = await fetch(`${world.publicUrl}/consents/${token}/form`, { method: 'POST', body: form });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('Thank you')]);
    await mia.api.put('/students/profile', details);
    const student = await mia.api.until<object, { student: { status: string } }>(
      '/users/profile',
      ({ student }) => student.status === 'Ready' && student,
    );
    expect(student).toMatchObject({ name: 'Mia Sommer', subjectsOfInterest: ['mathematics'], ageBand: '13_to_17' });
    const [status, consent] = await internal('GET', `/internal/students/${mia.userId}/consent-status`);
    expect([status, consent]).toEqual([200, expect.objectContaining({ status: 'Granted', parentEmail: parent, method: 'email_link' })]);
    await world.operator.mailTo(mia.email, 'has agreed');
  });

  it('is restricted when the parent takes the consent back', async () => {
    await new Api(world.publicUrl).post(`/consents/${token}`, { decision: 'revoke' });
    await mia.api.until<object, { student: { status: string } }>(
      '/users/profile',
      ({ student }) => student.status === 'Restricted' && student,
    );
  });
});

describe('A tutor', () => {
  let okafor: Person;
  let reviewId: string;
  const degree = {
    qualificationId: '01939a00-0000-7000-8000-00000000f001',
    kind: 'degree',
    title: 'BSc Mathematics',
    institution: 'Leeds',
  };
  const profile = {
    headline: 'Patient maths teacher',
    bio: 'Twelve years in the classroom.',
    subjects: [{ subject: 'Mathematics', level: 'GCSE' }],
    hourlyRateMinor: 4000,
    currency: 'gbp',
    languages: ['en'],
  };

  it('asks for review with a profile and an uploaded document', async () => {
    okafor = newPerson(world, 'Daniel Okafor');
    await join(world, okafor, 'tutor', 'Europe/London');
    const { api } = okafor;
    await api.post('/tutors/profile', { displayName: 'Daniel Okafor' });
    expect(await refusal(api.post('/tutors/submit-review'))).toEqual([409, 'profile_incomplete']);
    await api.put('/tutors/profile', profile);
    const upload = await api.post<{ key: string; url: string; fields: Record<string, string> }>('/tutors/qualifications/upload', {
      contentType: 'application/pdf',
    });
    const withKey = { ...degree, documentKey: upload.key };
    expect(await refusal(api.post('/tutors/qualifications', { qualifications: [withKey] }))).toEqual([422, 'document_not_uploaded']);
    const form = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) form.set(name, value);
    form.set('file', new Blob(['%PDF-1.7 degree'], { type: 'application/pdf' }), 'degree.pdf');
    expect((await fetch(upload.url, { method: 'POST', body: form })).status).toBeLessThan(300);
    await api.post('/tutors/qualifications', { qualifications: [withKey] });
    await api.post('/tutors/submit-review');
    const { review } = await api.until<{ review: { reviewId: string } }, { status: string; review: { reviewId: string } | null }>(
      '/tutors/status',
      ({ status, review }) => status === 'InReview' && review !== null && { review },
    );
    reviewId = review.reviewId;
    expect(await refusal(new Api(world.publicUrl).get(`/tutors/${okafor.userId}`))).toEqual([404, 'not_found']);
    expect(await refusal(api.post('/tutors/qualifications', { qualifications: [{ ...degree, qualificationId: reviewId }] }))).toEqual([
      409,
      'portfolio_under_review',
    ]);
  });

  it('answers the reviewer’s question', async () => {
    await admin.post(`/admin/reviews/${reviewId}/claim`);
    await admin.post(`/admin/reviews/${reviewId}/more-info`, { reasons: [{ item: 'degree', code: 'unreadable' }] });
    await world.operator.mailTo(okafor.email, 'we could not read it');
    await okafor.api.post(`/tutors/reviews/${reviewId}/answer`);
  });

  it('is reviewed, approved and found', async () => {
    const shown = await admin.until<{ qualifications: { documentUrl: string }[] }>(`/admin/reviews/${reviewId}`, (review) =>
      review['status'] === 'Queued' ? (review as never) : undefined,
    );
    expect(await (await fetch(shown.qualifications[0]!.documentUrl)).text()).toBe('%PDF-1.7 degree');
    expect(await refusal(admin.post(`/admin/reviews/${reviewId}/decide`, { outcome: 'approved' }))).toEqual([409, 'review_not_claimed']);
    await admin.post(`/admin/reviews/${reviewId}/claim`);
    expect(await refusal(admin.post(`/admin/reviews/${reviewId}/decide`, { outcome: 'approved' }))).toEqual([409, 'not_yet_assessed']);
    const assessments = [{ qualificationId: degree.qualificationId, verdict: 'verified' }];
    await admin.post(`/admin/reviews/${reviewId}/assess`, { assessments });
    await admin.post(`/admin/reviews/${reviewId}/decide`, { outcome: 'approved' });
    await okafor.api.until('/tutors/status', ({ status }) => status === 'Available');
    expect(await new Api(world.publicUrl).get(`/tutors/${okafor.userId}`)).toEqual({
      tutorId: okafor.userId,
      displayName: 'Daniel Okafor',
      ...profile,
      subjects: [{ subject: 'mathematics', level: 'gcse' }],
      timeZone: 'Europe/London',
      acceptsRequests: true,
    });
    await world.operator.mailTo(okafor.email, 'everything is in order');
    const tutors = async (query: string) =>
      (await internal<{ tutors: { tutorId: string }[] }>('GET', `/internal/tutors/${query}`))[1].tutors;
    expect(await tutors('search?subject=Mathematics&level=gcse')).toMatchObject([{ tutorId: okafor.userId }]);
    expect(await tutors('search?subject=physics')).toEqual([]);
    expect(await tutors('available-for-matching')).toMatchObject([{ tutorId: okafor.userId }]);
    const [, standing] = await internal('GET', `/internal/tutors/${okafor.userId}/verification-status`);
    expect(standing).toMatchObject({ verified: true, status: 'Available', qualifications: [{ status: 'verified' }] });
  });

  it('cannot be approved by a service that names no administrator', async () => {
    const [status, problem] = await internal('POST', `/internal/tutors/${okafor.userId}/approve`, { body: {} });
    expect([status, problem]).toEqual([403, expect.objectContaining({ code: 'approval_needs_an_admin' })]);
  });
});

describe('A registration that nobody verifies', () => {
  it('ends after a week and gives its address back', async () => {
    const eve = newPerson(world, 'Eve');
    await eve.api.post('/auth/register', registration(eve.email));
    await world.operator.mailTo(eve.email, 'confirm your e-mail address');
    await world.operator.moveClockTo(plus(embedded.clock.now(), 7 * DAY));
    type Found = { users: { status: string }[] };
    const statuses = async () =>
      (await internal<Found>('GET', `/internal/users/search?email=${eve.email}`))[1].users.map(({ status }) => status).join();
    await eventually(statuses, 'Closed');
    await eventually(async () => {
      await eve.api.post('/auth/register', registration(eve.email, eve.password));
      return statuses();
    }, 'PendingVerification,Closed');
  });
});

describe('Without the database of the read models', () => {
  const TABLES = ['identity.user_accounts', 'identity.student_profiles', 'identity.parent_consents', 'tutoring.tutor_profiles'].concat(
    'tutoring.qualifications',
    'tutoring.admin_reviews',
  );
  const rows = async () => {
    const { database } = embedded.system.foundation;
    return Promise.all(TABLES.map((table) => database.query(`select * from ${table} order by key`)));
  };
  /** How many consumers there are, how many of them have passed a position, and how much work that is due they have left. */
  const progress = async (head: bigint) => {
    const [row] = await embedded.system.foundation.database.query<{ consumers: number; arrived: number; waiting: number }>(
      `select count(*)::int as consumers, (count(*) filter (where position >= $1))::int as arrived,
              (select count(*)::int from engine.outbox where state = 'pending' and (due is null or due <= $2)) as waiting
         from engine.checkpoints`,
      [head, embedded.clock.now()],
    );
    return row!;
  };
  const mails = async () => ((await (await fetch(embedded.addresses.outboxUrl)).json()) as unknown[]).length;

  it('everything comes back the same from the log, with no mail and no new event', async () => {
    await eventually(async () => {
      const { consumers, arrived, waiting } = await progress(await embedded.system.foundation.eventStore.head());
      return consumers - arrived + waiting;
    }, 0);
    const { consumers } = await progress(0n);
    const before = { rows: await rows(), head: await embedded.system.foundation.eventStore.head(), mails: await mails() };
    await embedded.system.stop();
    const server = new URL(embedded.addresses.databaseUrl);
    const name = server.pathname.slice(1);
    server.pathname = '/postgres';
    const postgres = new Database(server.href);
    await postgres.execute(`drop database "${name}" with (force)`);
    await postgres.close();
    await embedded.peers.stop();

    embedded = await start();
    await eventually(async () => {
      const { arrived, waiting } = await progress(before.head);
      return consumers - arrived + waiting;
    }, 0);
    expect(await rows()).toEqual(before.rows);
    expect(await mails()).toBe(before.mails);
    expect(await embedded.system.foundation.eventStore.head()).toBe(before.head);
  }, 120_000);
});
