import { describe, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import {
  adultStarted,
  aTutor,
  consentIsRequired,
  miaAccount,
  miaBirth,
  miaCameOfAge,
  miaCompleted,
  miaDetails,
  miaReady,
  miaRestricted,
  minorStarted,
  parentEmail,
  studentId,
} from './student-profile.examples.ts';
import * as student from './student-profile.ts';
import { anAdmin, mia, somebody } from './user-account.examples.ts';

const { studentProfile } = student;
type Past = readonly student.StudentProfileEvent[];

describe('Starting a student profile', () => {
  type Data = { dateOfBirth?: string; parentEmail?: string; name?: string };
  const start = (data: Data, { past = [] as Past, by = mia, account = miaAccount as object | null, at = MONDAY_NOON } = {}) =>
    given(studentProfile, ...past).when(
      student.createStudentProfile,
      { studentId, dateOfBirth: miaBirth.dateOfBirth, ...data },
      { by, at, facts: { account: account as typeof miaAccount | null } },
    );

  it('detects a minor and asks for a parent in one step', () => start({ parentEmail }).then(...minorStarted));
  it('takes everything from an adult at once', () => start({ dateOfBirth: '2000-01-02', ...miaDetails }).then(adultStarted));
  it('takes nothing else from a minor before a parent consented', () =>
    start({ parentEmail, name: 'Mia Sommer' }).refused(student.ConsentRequired));
  it('needs the address of a parent from a minor', () => start({}).refused(student.ParentEmailRequired));
  it('does not take the child’s own address for the parent’s', () =>
    start({ parentEmail: miaAccount.email }).refused(student.ParentEmailIsTheChilds));
  it('is nothing new with the same date', () => start({ parentEmail }, { past: minorStarted }).alreadySo());
  it('is refused with another date: it cannot be tried out', () =>
    start({ dateOfBirth: '2000-01-02' }, { past: minorStarted }).refused(student.StudentProfileExists));
  it('is refused for somebody else', () => start({ parentEmail }, { by: somebody }).refused(student.NotYourStudentProfile));
  it('is refused to a tutor', () => start({ parentEmail }, { account: { ...miaAccount, role: 'tutor' } }).refused(student.NotAStudent));
  it('is refused without an account', () => start({ parentEmail }, { account: null }).refused(student.NotAStudent));
  it('is refused with a date in the future or beyond a lifetime', () => {
    start({ dateOfBirth: '2027-01-01' }).refused(student.DateOfBirthImplausible);
    start({ dateOfBirth: '1890-01-01' }).refused(student.DateOfBirthImplausible);
  });
  it('counts the age in the student’s own zone', () => {
    // 18th birthday on 24 November: in Berlin it has begun at 23:00 UTC, in New York it has not.
    const data = { dateOfBirth: '2008-11-24', parentEmail };
    const at = '2026-11-23T23:00:00.000Z';
    const born = { studentId, dateOfBirth: '2008-11-24', becomesAdultOn: '2026-11-24' };
    start(data, { at }).then(event(student.studentProfileCreated, { ...born, ageBand: 'adult', timeZone: 'Europe/Berlin' }));
    start(data, { at, account: { ...miaAccount, timeZone: 'America/New_York' } }).then(
      event(student.studentProfileCreated, { ...born, ageBand: '13_to_17', timeZone: 'America/New_York' }),
      event(student.minorStatusDetected, { studentId, ageBand: '13_to_17' }),
      consentIsRequired,
    );
  });
  it('comes of age on 1 March when born on a leap day', () =>
    start({ dateOfBirth: '2012-02-29', parentEmail }).then(
      event(student.studentProfileCreated, {
        studentId,
        dateOfBirth: '2012-02-29',
        becomesAdultOn: '2030-03-01',
        ageBand: '13_to_17',
        timeZone: 'Europe/Berlin',
      }),
      event(student.minorStatusDetected, { studentId, ageBand: '13_to_17' }),
      consentIsRequired,
    ));
});

describe('Completing a student profile', () => {
  const update = (past: Past, { by = mia, consentGranted = true, data = miaDetails } = {}) =>
    given(studentProfile, ...past).when(student.updateStudentProfile, { studentId, ...data }, { by, facts: { consentGranted } });

  it('records what changed', () => update(minorStarted).then(miaCompleted));
  it('records only what changed', () =>
    update([...minorStarted, miaCompleted], { data: { ...miaDetails, gradeLevel: 'a-level' } }).then(
      event(student.studentProfileUpdated, { studentId, gradeLevel: 'a-level' }),
    ));
  it('is nothing new with the same answers', () => update([...minorStarted, miaCompleted]).alreadySo());
  it('is refused to a minor without consent', () => update(minorStarted, { consentGranted: false }).refused(student.ConsentRequired));
  it('needs no consent of an adult', () =>
    update([adultStarted], { consentGranted: false, data: { ...miaDetails, name: 'Mia S.' } }).then(
      event(student.studentProfileUpdated, { studentId, name: 'Mia S.' }),
    ));
  it('is refused to others', () => update(minorStarted, { by: aTutor }).refused(student.NotYourStudentProfile));
  it('needs a profile', () => update([]).refused(student.StudentProfileNotFound));
});

describe('Becoming ready', () => {
  const mark = (past: Past, facts = { accountActive: true, consentGranted: true }) =>
    given(studentProfile, ...past).when(student.markStudentReady, { studentId }, { facts });
  const complete: Past = [...minorStarted, miaCompleted];

  it('opens the platform when all is in place', () => mark(complete).then(miaReady));
  it('opens it once', () => mark([...complete, miaReady]).alreadySo());
  it('opens it again after a restriction', () => mark([...complete, miaReady, miaRestricted]).then(miaReady));
  it('waits for the account', () => mark(complete, { accountActive: false, consentGranted: true }).alreadySo());
  it('waits for consent', () => mark(complete, { accountActive: true, consentGranted: false }).alreadySo());
  it('waits for the profile', () => mark(minorStarted).alreadySo());
  it('asks no consent for adults', () =>
    mark([adultStarted], { accountActive: true, consentGranted: false }).then(
      event(student.studentReadyForPlatform, { ...miaReady.data, parentConsentReceived: false, ageBand: 'adult' }),
    ));
  it('needs a profile', () => mark([]).refused(student.StudentProfileNotFound));
});

describe('Restricting', () => {
  const facts = { accountActive: true, consentGranted: false };
  const restrict = (...past: Past) =>
    given(studentProfile, ...past).when(student.restrictStudent, { studentId, reason: 'consent_revoked' }, { facts });

  it('closes the platform', () => restrict(...minorStarted, miaCompleted, miaReady).then(miaRestricted));
  it('is nothing new when restricted', () => restrict(...minorStarted, miaCompleted, miaReady, miaRestricted).alreadySo());
  it('is nothing new when consent was granted again in the meantime', () =>
    given(studentProfile, ...minorStarted, miaCompleted, miaReady)
      .when(student.restrictStudent, { studentId, reason: 'consent_missing' }, { facts: { ...facts, consentGranted: true } })
      .alreadySo());
  it('closes the platform to an adult only with the account', () => {
    given(studentProfile, adultStarted, miaReady)
      .when(student.restrictStudent, { studentId, reason: 'consent_revoked' }, { facts })
      .alreadySo();
    given(studentProfile, adultStarted, miaReady)
      .when(student.restrictStudent, { studentId, reason: 'account_suspended' }, { facts: { ...facts, accountActive: false } })
      .then(event(student.studentRestricted, { studentId, reason: 'account_suspended' }));
  });
  it('is nothing new when never ready', () => restrict(...minorStarted).alreadySo());
  it('needs a profile', () => restrict().refused(student.StudentProfileNotFound));
});

describe('Coming of age', () => {
  const lapse = (at: string, ...past: Past) => given(studentProfile, ...past).when(student.lapseMinority, { studentId }, { at });

  it('happens on the 18th birthday, by the student’s clock', () => lapse('2029-03-13T23:00:00.000Z', ...minorStarted).then(miaCameOfAge));
  it('is refused before', () => lapse('2029-03-13T22:59:59.999Z', ...minorStarted).refused(student.StillAMinor));
  it('is nothing new the second time', () => lapse('2029-03-14T12:00:00.000Z', ...minorStarted, miaCameOfAge).alreadySo());
});

describe('Correcting a date of birth', () => {
  const correct = (
    past: Past,
    { dateOfBirth = '2015-05-05', by = anAdmin, consentGranted = false, parentEmail = undefined as string | undefined } = {},
  ) => {
    const address = parentEmail === undefined ? {} : { parentEmail };
    return given(studentProfile, ...past).when(
      student.correctDateOfBirth,
      { studentId, dateOfBirth, reason: 'passport seen', ...address },
      { by, facts: { consentGranted } },
    );
  };
  const corrected = (born: { dateOfBirth: string; becomesAdultOn: string; ageBand: student.AgeBand }) =>
    event(student.dateOfBirthCorrected, { studentId, ...born, timeZone: 'Europe/Berlin', reason: 'passport seen' });
  const child = { dateOfBirth: '2015-05-05', becomesAdultOn: '2033-05-05', ageBand: 'under_13' } as const;
  const nowMinor = event(student.minorStatusDetected, { studentId, ageBand: 'under_13' });

  it('makes a ready adult a minor who needs consent', () =>
    correct([adultStarted, { ...miaReady }], { parentEmail }).then(
      corrected({ ...child, ageBand: 'under_13' }),
      nowMinor,
      consentIsRequired,
      event(student.studentRestricted, { studentId, reason: 'consent_missing' }),
    ));
  it('keeps the consent that a parent gave', () => correct([...minorStarted], { consentGranted: true }).then(corrected(child)));
  it('makes a minor an adult', () =>
    correct(minorStarted, { dateOfBirth: '2000-01-02' }).then(
      corrected({ dateOfBirth: '2000-01-02', becomesAdultOn: '2018-01-02', ageBand: 'adult' }),
    ));
  it('is nothing new with the same date', () => correct(minorStarted, { dateOfBirth: miaBirth.dateOfBirth }).alreadySo());
  it('is refused to the student', () => correct(minorStarted, { by: mia }).refused(student.DateOfBirthIsForAdmins));
  it('needs the address of a parent for a new minor', () => correct([adultStarted]).refused(student.ParentEmailRequired));
  it('is refused with a date that cannot be', () =>
    correct(minorStarted, { dateOfBirth: '2026-11-24' }).refused(student.DateOfBirthImplausible));
});
