import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from '#app/demo/api.ts';
import { join, newPerson, tokenIn, type Person, type World } from '#app/demo/people.ts';
import { comesBackTheSame } from './comes-back-the-same.ts';
import { EmbeddedPlatform, refusal } from './embedded-platform.ts';

let platform: EmbeddedPlatform;
let world: World;
let admin: Api;

beforeAll(async () => {
  platform = await EmbeddedPlatform.start();
  ({ world } = platform);
  admin = await platform.admin();
}, 120_000);
afterAll(() => platform?.stop());

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
    const [status, consent] = await platform.internal('GET', `/internal/students/${mia.userId}/consent-status`);
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
      (await platform.internal<{ tutors: { tutorId: string }[] }>('GET', `/internal/tutors/${query}`))[1].tutors;
    expect(await tutors('search?subject=Mathematics&level=gcse')).toMatchObject([{ tutorId: okafor.userId }]);
    expect(await tutors('search?subject=physics')).toEqual([]);
    expect(await tutors('available-for-matching')).toMatchObject([{ tutorId: okafor.userId }]);
    const [, standing] = await platform.internal('GET', `/internal/tutors/${okafor.userId}/verification-status`);
    expect(standing).toMatchObject({ verified: true, status: 'Available', qualifications: [{ status: 'verified' }] });
  });

  it('cannot be approved by a service that names no administrator', async () => {
    const [status, problem] = await platform.internal('POST', `/internal/tutors/${okafor.userId}/approve`, {});
    expect([status, problem]).toEqual([403, expect.objectContaining({ code: 'approval_needs_an_admin' })]);
  });
});

describe('Without the database of the read models', () => {
  it('everything comes back the same from the log, with no mail and no new event', async () => {
    await comesBackTheSame(platform, [
      'identity.user_accounts',
      'identity.student_profiles',
      'identity.parent_consents',
      'tutoring.tutor_profiles',
      'tutoring.qualifications',
      'tutoring.admin_reviews',
    ]);
  }, 120_000);
});
