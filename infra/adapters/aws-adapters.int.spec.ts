import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '#infra/embedded/loopback.ts';
import { awsUnderTest } from '#infra/embedded/aws/harness.ts';
import type { AwsUnderTest } from '#infra/embedded/aws/harness.ts';
import { awsError } from './aws-errors.ts';
import { UserPool } from './cognito/user-pool.ts';
import { FileStore } from './s3/file-store.ts';
import { Mailer } from './ses/mailer.ts';

let aws: AwsUnderTest;
let pool: UserPool;
let files: FileStore;
let mailer: Mailer;
beforeAll(async () => {
  aws = await awsUnderTest();
  const { region, credentials, endpoints } = aws;
  pool = new UserPool({ region, credentials, endpoint: endpoints.cognito, userPoolId: aws.userPoolId, clientId: aws.clientId });
  files = new FileStore({ region, credentials, endpoint: endpoints.s3, bucket: aws.bucket });
  mailer = new Mailer({ region, credentials, endpoint: endpoints.ses, from: `Chalkstream <${aws.sender}>` });
});
afterAll(async () => {
  for (const client of [pool, files, mailer]) client.close();
  await aws.stop();
});

const PASSWORD = 'Correct-horse-1';

describe('the user pool', () => {
  const ada = { email: 'ada@example.com', userId: 'user-ada', role: 'student' };

  it('takes somebody from sign-up through sessions to deletion', async () => {
    expect(await pool.signUp({ ...ada, password: PASSWORD })).toMatch(/^[0-9a-f-]{36}$/);
    await expect(pool.signUp({ ...ada, password: PASSWORD })).rejects.toMatchObject({
      name: 'UpstreamRefused',
      code: 'UsernameExistsException',
    });
    await expect(pool.signIn(ada.email, PASSWORD)).rejects.toMatchObject({ code: 'UserNotConfirmedException' });
    await pool.confirm(ada.email);
    await pool.confirm(ada.email);
    const first = await pool.signIn(ada.email, PASSWORD);
    const claims = JSON.parse(Buffer.from(first.idToken.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
    expect(claims).toMatchObject({ email: ada.email, 'custom:user_id': ada.userId, 'custom:role': ada.role });
    const refreshToken = first.refreshToken ?? '';
    expect(await pool.refresh(refreshToken)).toMatchObject({ accessToken: expect.any(String), refreshToken: undefined });
    await pool.signOut(refreshToken);
    await expect(pool.refresh(refreshToken)).rejects.toMatchObject({ code: 'NotAuthorizedException' });
    const second = await pool.signIn(ada.email, PASSWORD);
    await pool.signOutEverywhere(ada.email);
    await expect(pool.refresh(second.refreshToken ?? '')).rejects.toMatchObject({ code: 'NotAuthorizedException' });
    await pool.setEnabled(ada.email, false);
    await expect(pool.signIn(ada.email, PASSWORD)).rejects.toMatchObject({ code: 'NotAuthorizedException' });
    await pool.setEnabled(ada.email, true);
    await pool.deleteUser(ada.email);
    await pool.deleteUser(ada.email);
  });

  it('sets a new password with the code that was mailed', async () => {
    const email = 'bea@example.com';
    await pool.signUp({ email, password: PASSWORD, userId: 'user-bea', role: 'tutor' });
    await pool.confirm(email);
    await pool.forgotPassword(email);
    await pool.forgotPassword('nobody@example.com');
    await pool.confirmForgotPassword({ email, code: aws.codes.get(email) ?? '', password: 'Other-horse-22' });
    expect(await pool.signIn(email, 'Other-horse-22')).toMatchObject({ accessToken: expect.any(String) });
  });

  it('sets up an administrator, and again without harm', async () => {
    const admin = { email: 'admin@example.com', password: PASSWORD, userId: 'user-admin' };
    await pool.createAdmin(admin);
    await pool.createAdmin({ ...admin, password: 'Other-horse-22' });
    expect(await pool.signIn(admin.email, 'Other-horse-22')).toMatchObject({ accessToken: expect.any(String) });
  });
});

describe('the file store', () => {
  const upload = async (key: string, content: string, type = 'application/pdf'): Promise<number> => {
    const { url, fields } = await files.uploadForm({ key, contentType: 'application/pdf', maxBytes: 8, seconds: 60 });
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, 'Content-Type': type })) form.append(name, value);
    form.append('file', new Blob([content]));
    return (await fetch(url, { method: 'POST', body: form })).status;
  };

  it('takes the upload that it has signed, and no other', async () => {
    expect(await upload('documents/degree.pdf', '12345678')).toBe(204);
    expect(await upload('documents/large.pdf', '123456789')).toBe(400);
    expect(await upload('documents/page.pdf', 'x', 'text/html')).toBe(403);
    expect(await files.list('documents/')).toEqual(['documents/degree.pdf']);
    expect(await files.head('documents/degree.pdf')).toMatchObject({ size: 8, contentType: 'application/pdf' });
    expect(await files.head('documents/page.pdf')).toBeUndefined();
  });

  it('hands a file out, copies and removes it', async () => {
    await upload('recordings/a b+ü.pdf', 'film');
    await files.copy('recordings/a b+ü.pdf', 'lessons/film.pdf');
    const answer = await fetch(await files.downloadUrl('lessons/film.pdf', 60, 'Zwölf.pdf'));
    expect([await answer.text(), answer.headers.get('content-disposition')]).toEqual([
      'film',
      "attachment; filename*=UTF-8''Zw%C3%B6lf.pdf",
    ]);
    await files.delete('lessons/film.pdf');
    await files.delete('lessons/film.pdf');
    expect(await files.head('lessons/film.pdf')).toBeUndefined();
    await expect(files.copy('lessons/none', 'lessons/other')).rejects.toMatchObject({ name: 'UpstreamRefused', code: 'NoSuchKey' });
  });
});

describe('the mailer', () => {
  it('sends a mail that names its delivery', async () => {
    const messageId = await mailer.sendMail({ to: 'ada@example.com', subject: 'Grüße', text: 'Hallo', deliveryId: 'delivery-1' });
    const outbox = (await (await fetch(`${aws.endpoints.ses}/_outbox?to=ada@example.com`)).json()) as unknown;
    expect(outbox).toMatchObject([{ messageId, subject: 'Grüße', text: 'Hallo', tags: { deliveryId: 'delivery-1' } }]);
  });

  it('says what was refused for good and what may be tried again', async () => {
    const { region, credentials, endpoints } = aws;
    const stranger = new Mailer({ region, credentials, endpoint: endpoints.ses, from: 'stranger@example.com' });
    const mail = { to: 'ada@example.com', subject: 'x', text: 'x', deliveryId: 'd' };
    await expect(stranger.sendMail(mail)).rejects.toMatchObject({ name: 'UpstreamRefused', upstream: 'ses', code: 'MessageRejected' });
    const nobody = new Mailer({ region, credentials, endpoint: `http://127.0.0.1:${await freePort()}`, from: aws.sender });
    await expect(nobody.sendMail(mail)).rejects.toMatchObject({ name: 'UpstreamUnsure', upstream: 'ses' });
  });
});

describe('an error of an AWS client', () => {
  const sdkError = (name: string, more: object) => Object.assign(new Error('x'), { name }, more);
  it.each([
    [
      'a refused connection',
      sdkError('Error', { code: 'ECONNREFUSED' }),
      { name: 'UpstreamUnsure', code: 'ECONNREFUSED', certainlyNot: true },
    ],
    ['a time-out', sdkError('TimeoutError', {}), { name: 'UpstreamUnsure', certainlyNot: false }],
    ['throttling', sdkError('ThrottlingException', { $metadata: { httpStatusCode: 400 } }), { name: 'UpstreamUnsure', certainlyNot: true }],
    [
      'a failure there',
      sdkError('InternalErrorException', { $metadata: { httpStatusCode: 500 } }),
      { name: 'UpstreamUnsure', certainlyNot: false },
    ],
    [
      'a refusal',
      sdkError('NoSuchKey', { $metadata: { httpStatusCode: 404 } }),
      { name: 'UpstreamRefused', code: 'NoSuchKey', status: 404 },
    ],
  ])('%s', (_what, error, expected) => {
    expect(awsError('s3', error)).toMatchObject(expected);
  });
});
