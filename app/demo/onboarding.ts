import { randomUUID } from 'node:crypto';
import { Api, patiently } from './api.ts';
import { join, newPerson, signIn, tokenIn, type Person, type World } from './people.ts';

/** Tells the reader what happens next; the engine prints the events that it caused. */
export type Tell = (sentence: string) => Promise<void>;

const TUTOR_ZONE = 'Europe/London';
const STUDENT_ZONE = 'Europe/Berlin';

/** The administrator signs in. */
export async function administrator(world: World, admin: { email: string; password: string }): Promise<Person> {
  const person: Person = { ...newPerson(world, 'Ada Admin'), email: admin.email, password: admin.password };
  await signIn(person);
  return person;
}

/** A tutor registers, completes the profile, proves a qualification, is reviewed by the administrator and appears in search. */
export async function verifiedTutor(world: World, admin: Person, tell: Tell): Promise<Person> {
  const tutor = newPerson(world, 'Tobias Okafor');
  await join(world, tutor, 'tutor', TUTOR_ZONE);
  await tell('Tobias registers as a tutor and confirms his e-mail address.');

  await tutor.api.post('/tutors/profile', {
    headline: 'Mathematics that makes sense',
    bio: 'Twelve years in the classroom; GCSE and A-level.',
    subjects: [{ subject: 'mathematics', level: 'gcse' }],
    hourlyRateMinor: 4_000,
    currency: 'gbp',
    languages: ['en'],
  });
  const documentKey = await upload(tutor, 'application/pdf', Buffer.from('%PDF-1.4 a degree certificate'));
  const qualificationId = randomUUID();
  await tutor.api.post('/tutors/qualifications', {
    qualifications: [{ qualificationId, kind: 'degree', title: 'BSc Mathematics', institution: 'University of Leeds', documentKey }],
  });
  await tell('He writes his profile and uploads his degree.');

  await tutor.api.post('/tutors/submit-review');
  const { reviewId } = await tutor.api.until<{ reviewId: string }, { review: { reviewId: string } | null }>(
    '/tutors/status',
    ({ review }) => review ?? undefined,
  );
  await tell('He asks to be reviewed and enters the queue, with 24 hours to be answered.');

  const review = `/admin/reviews/${reviewId}`;
  await admin.api.post(`${review}/claim`);
  await admin.api.post(`${review}/assess`, { assessments: [{ qualificationId, verdict: 'verified' }] });
  await admin.api.post(`${review}/decide`, { outcome: 'approved' });
  await tutor.api.until<true, { status: string }>('/tutors/status', ({ status }) => status === 'Available');
  await tell('The administrator verifies the degree and approves him: he is available.');
  return tutor;
}

/** The tutor sets his hours, and finishes what Stripe asks of somebody who wants to be paid. */
export async function readyToTeach(world: World, tutor: Person, tell: Tell): Promise<void> {
  const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '08:00', to: '20:00' }));
  await tutor.api.put('/tutors/availability', { timeZone: TUTOR_ZONE, weekly: everyDay });
  await tell('He opens his calendar, by the clock of London.');
  const { url } = await tutor.api.post<{ url: string }>('/tutors/payout-account/onboarding-link', {});
  await world.operator.finishOnboarding(url);
  await tell('He finishes the forms at Stripe, so that he can be paid.');
}

/** A girl of 15 registers; her parent is asked, and consents by the link of a mail; then she completes her profile. */
export async function minorStudent(world: World, tell: Tell): Promise<Person> {
  const student = newPerson(world, 'Mia Berg');
  const parentEmail = `parent.of.mia.${world.run}@example.org`;
  await join(world, student, 'student', STUDENT_ZONE);
  await tell('Mia registers as a student and confirms her e-mail address.');

  const today = await world.operator.now();
  const dateOfBirth = `${Number(today.slice(0, 4)) - 15}-01-15`;
  await student.api.post('/students/profile', { dateOfBirth, parentEmail });
  const letter = await world.operator.mailTo(parentEmail, 'Your child would like to learn');
  await tell('She is 15, so her parent is asked first. Nothing else is collected until then.');

  const token = tokenIn(letter);
  const parent = new Api(world.publicUrl);
  await parent.get(`/consents/${token}`);
  await parent.post(`/consents/${token}`, { decision: 'grant', scopes: ['account', 'messaging', 'video', 'payment'] });
  await student.api.until('/students/consent-status', ({ status }) => status === 'Granted');
  await student.api.put('/students/profile', { name: 'Mia', gradeLevel: 'year 10', subjectsOfInterest: ['mathematics'] });
  await student.api.until<true, { student: { status: string } | null }>(
    '/users/profile',
    ({ student: profile }) => profile?.status === 'Ready',
  );
  await tell('Her parent reads the notice and consents; Mia completes her profile and is ready.');
  return student;
}

/** Uploads a file as a browser does, with the form that the platform gives; the key under which it is stored. */
async function upload(person: Person, contentType: string, content: Buffer): Promise<string> {
  const form = await person.api.post<UploadForm>('/tutors/qualifications/upload', { contentType });
  await postForm(form, contentType, content);
  return form.key;
}

export interface UploadForm {
  readonly key: string;
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Sends a file to the store itself. */
export async function postForm({ url, fields }: UploadForm, contentType: string, content: Buffer): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('file', new Blob([new Uint8Array(content)], { type: contentType }));
  const { status, text } = await patiently(`the upload of ${fields['key']}`, url, { method: 'POST', body });
  if (status >= 400) throw new Error(`the upload was refused: ${status} ${text}`);
}
