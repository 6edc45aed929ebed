import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { ageOn, dayIn, timeZoneName } from '../kernel/time.ts';
import { accountRole, emailAddress } from './user-account.messages.ts';

/** Below this age a parent must consent; below the second one, by a stricter method. */
export const ADULT_AGE = 18;
export const STRICT_CONSENT_AGE = 13;

const target = { studentId: uuid };
export const ageBand = z.enum(['under_13', '13_to_17', 'adult']);
export type AgeBand = z.output<typeof ageBand>;

/** What a profile says beside the date of birth; all of it may come later. */
const details = {
  name: z.string().trim().min(1).max(80).optional(),
  gradeLevel: z.string().trim().min(1).max(40).optional(),
  subjectsOfInterest: z.array(z.string().trim().toLowerCase().min(1).max(60)).max(20).optional(),
  learningGoals: z.string().trim().max(1000).optional(),
};
const recordedDetails = {
  name: z.string().optional(),
  gradeLevel: z.string().optional(),
  subjectsOfInterest: z.array(z.string()).optional(),
  learningGoals: z.string().optional(),
};
const birth = { dateOfBirth: z.string(), becomesAdultOn: z.string(), ageBand };

// Events
export const studentProfileCreated = defineEvent('StudentProfileCreated', {
  sentence: 'A student gave a date of birth and, when adult, the rest of the profile.',
  schema: z.object({ ...target, ...birth, timeZone: z.string(), ...recordedDetails }),
  personal: { dateOfBirth: 'studentId', becomesAdultOn: 'studentId', name: 'studentId', learningGoals: 'studentId' },
});
export const studentProfileUpdated = defineEvent('StudentProfileUpdated', {
  sentence: 'The student changed the profile; only what changed is here.',
  schema: z.object({ ...target, ...recordedDetails }),
  personal: { name: 'studentId', learningGoals: 'studentId' },
});
export const dateOfBirthCorrected = defineEvent('DateOfBirthCorrected', {
  sentence: 'An administrator corrected the date of birth.',
  schema: z.object({ ...target, ...birth, timeZone: z.string(), reason: z.string() }),
  personal: { dateOfBirth: 'studentId', becomesAdultOn: 'studentId' },
});
export const minorStatusDetected = defineEvent('MinorStatusDetected', {
  sentence: 'The student is under 18.',
  schema: z.object({ ...target, ageBand }),
});
export const parentConsentRequired = defineEvent('ParentConsentRequired', {
  sentence: 'A parent must consent before anything else is collected.',
  schema: z.object({ ...target, parentEmail: z.string() }),
  personal: { parentEmail: 'studentId' },
});
export const minorStatusLapsed = defineEvent('MinorStatusLapsed', {
  sentence: 'The student turned 18; consent is no longer needed.',
  schema: z.object(target),
});
export const studentReadyForPlatform = defineEvent('StudentReadyForPlatform', {
  sentence: 'Onboarding is finished: the student may search, connect and book.',
  schema: z.object({
    ...target,
    profileComplete: z.literal(true),
    parentConsentReceived: z.boolean(),
    ageBand,
    subjectsOfInterest: z.array(z.string()),
  }),
});
export const studentRestricted = defineEvent('StudentRestricted', {
  sentence: 'The student may not search, connect or book for now.',
  schema: z.object({
    ...target,
    reason: z.enum(['consent_missing', 'consent_revoked', 'account_suspended', 'account_closing']),
  }),
});

const events = [
  studentProfileCreated,
  studentProfileUpdated,
  dateOfBirthCorrected,
  minorStatusDetected,
  parentConsentRequired,
  minorStatusLapsed,
  studentReadyForPlatform,
  studentRestricted,
] as const;
export type StudentProfileEvent = EventOf<typeof events>;

// Commands
export const createStudentProfile = defineCommand('CreateStudentProfile', {
  sentence: 'Start a profile; a minor gives only the date of birth and a parent’s e-mail address.',
  data: z.object({ ...target, dateOfBirth: z.iso.date(), parentEmail: emailAddress.optional(), ...details }),
  facts: z.object({ account: z.object({ role: accountRole, email: z.string(), timeZone: z.string() }).nullable() }),
});
export const updateStudentProfile = defineCommand('UpdateStudentProfile', {
  sentence: 'Complete or change a profile.',
  data: z.object({ ...target, ...details }),
  facts: z.object({ consentGranted: z.boolean() }),
});
export const correctDateOfBirth = defineCommand('CorrectDateOfBirth', {
  sentence: 'Correct a date of birth; everything that depends on age is decided again.',
  data: z.object({
    ...target,
    dateOfBirth: z.iso.date(),
    timeZone: timeZoneName.optional(),
    parentEmail: emailAddress.optional(),
    reason: z.string().trim().min(1).max(300),
  }),
  facts: z.object({ consentGranted: z.boolean() }),
});
export const markStudentReady = defineCommand('MarkStudentReady', {
  sentence: 'Open the platform to a student when account, profile and consent are all in place.',
  data: z.object(target),
  facts: z.object({ accountActive: z.boolean(), consentGranted: z.boolean() }),
});
export const restrictStudent = defineCommand('RestrictStudent', {
  sentence: 'Close the platform to a student for whom not everything is in place any more.',
  data: z.object({ ...target, reason: studentRestricted.schema.shape.reason }),
  facts: z.object({ accountActive: z.boolean(), consentGranted: z.boolean() }),
});
export const lapseMinority = defineCommand('LapseMinority', {
  sentence: 'Note that the student has turned 18.',
  data: z.object(target),
});

const commands = [
  createStudentProfile,
  updateStudentProfile,
  correctDateOfBirth,
  markStudentReady,
  restrictStudent,
  lapseMinority,
] as const;
type StudentProfileCommand = CommandOf<typeof commands>;

// Refusals
export class StudentProfileNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such student profile.';
}
export class StudentProfileExists extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The student has a profile already.';
}
export class NotYourStudentProfile extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This student profile belongs to somebody else.';
}
export class NotAStudent extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only a student’s account may have a student profile.';
}
export class DateOfBirthImplausible extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The date of birth must lie between 3 and 120 years ago.';
}
export class ParentEmailRequired extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'A student under 18 must name the e-mail address of a parent or guardian.';
}
export class ParentEmailIsTheChilds extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The parent’s e-mail address must differ from the student’s own.';
}
export class ConsentRequired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'A parent must consent before anything else about a student under 18 is stored.';
}
export class DateOfBirthIsForAdmins extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only an administrator may correct a date of birth.';
}
export class StillAMinor extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The student has not turned 18 yet.';
}

// State
interface Profile {
  readonly dateOfBirth: string;
  readonly becomesAdultOn: string;
  readonly ageBand: AgeBand;
  readonly timeZone: string;
  readonly name?: string | undefined;
  readonly gradeLevel?: string | undefined;
  readonly subjectsOfInterest?: readonly string[] | undefined;
  readonly learningGoals?: string | undefined;
}

export interface StudentProfileState {
  readonly status: 'None' | 'Draft' | 'AwaitingConsent' | 'Ready' | 'Restricted';
  readonly profile: Profile | undefined;
  readonly parentEmail: string | undefined;
}

const initial: StudentProfileState = { status: 'None', profile: undefined, parentEmail: undefined };

export const isReady = (state: StudentProfileState): boolean => state.status === 'Ready';
export const isMinor = (state: StudentProfileState): boolean => state.profile !== undefined && state.profile.ageBand !== 'adult';
/** Whether a profile has all that a tutor must know: a name, a grade and at least one subject. */
export function isComplete(profile: Profile): boolean {
  return profile.name !== undefined && profile.gradeLevel !== undefined && (profile.subjectsOfInterest ?? []).length > 0;
}

// Decisions
function decide(command: StudentProfileCommand, state: StudentProfileState): readonly StudentProfileEvent[] {
  if (command.type === 'CreateStudentProfile') return create(command, state);
  const { profile } = state;
  if (profile === undefined) throw new StudentProfileNotFound();
  const { studentId } = command.data;
  switch (command.type) {
    case 'UpdateStudentProfile': {
      mustOwn(command, studentId);
      if (isMinor(state) && !command.facts.consentGranted) throw new ConsentRequired();
      const changes = changesTo(profile, command.data);
      return Object.keys(changes).length === 0 ? [] : [event(studentProfileUpdated, { studentId, ...changes })];
    }
    case 'CorrectDateOfBirth':
      return correct(command, state, profile);
    case 'MarkStudentReady': {
      const { accountActive, consentGranted } = command.facts;
      // Not everything is in place yet, or it is done: the policy asks again whenever one of the conditions changes.
      if (isReady(state) || !accountActive || !isComplete(profile) || (isMinor(state) && !consentGranted)) return [];
      const subjectsOfInterest = [...(profile.subjectsOfInterest ?? [])];
      const ready = { profileComplete: true, parentConsentReceived: consentGranted, ageBand: profile.ageBand, subjectsOfInterest } as const;
      return [event(studentReadyForPlatform, { studentId, ...ready })];
    }
    case 'RestrictStudent': {
      const { accountActive, consentGranted } = command.facts;
      // The cause may be over by now: a new round of consent was granted, or the account reinstated.
      const inPlace = accountActive && (!isMinor(state) || consentGranted);
      return isReady(state) && !inPlace ? [event(studentRestricted, { studentId, reason: command.data.reason })] : [];
    }
    case 'LapseMinority':
      if (!isMinor(state)) return [];
      if (dayIn(profile.timeZone, command.at) < profile.becomesAdultOn) throw new StillAMinor();
      return [event(minorStatusLapsed, { studentId })];
    default:
      return unreachable(command);
  }
}

function create(command: CommandOf<typeof createStudentProfile>, state: StudentProfileState): readonly StudentProfileEvent[] {
  const { data, facts, at } = command;
  const { studentId, dateOfBirth, parentEmail, name, gradeLevel, subjectsOfInterest, learningGoals } = data;
  mustOwn(command, studentId);
  if (state.profile !== undefined) {
    if (state.profile.dateOfBirth === dateOfBirth) return [];
    throw new StudentProfileExists();
  }
  const { account } = facts;
  if (account?.role !== 'student') throw new NotAStudent();
  const { timeZone } = account;
  const born = birthOf(dateOfBirth, dayIn(timeZone, at));
  const given = present({ name, gradeLevel, subjectsOfInterest, learningGoals });
  if (born.ageBand === 'adult') return [event(studentProfileCreated, { studentId, ...born, timeZone, ...given })];
  if (Object.keys(given).length > 0) throw new ConsentRequired();
  if (parentEmail === undefined) throw new ParentEmailRequired();
  if (parentEmail === account.email) throw new ParentEmailIsTheChilds();
  return [event(studentProfileCreated, { studentId, ...born, timeZone }), ...minority(studentId, born.ageBand, parentEmail)];
}

function correct(
  command: CommandOf<typeof correctDateOfBirth>,
  state: StudentProfileState,
  profile: Profile,
): readonly StudentProfileEvent[] {
  const { data, at, by, facts } = command;
  if (by.role !== 'admin') throw new DateOfBirthIsForAdmins();
  const timeZone = data.timeZone ?? profile.timeZone;
  if (data.dateOfBirth === profile.dateOfBirth && timeZone === profile.timeZone) return [];
  const { studentId } = data;
  const born = birthOf(data.dateOfBirth, dayIn(timeZone, at));
  const corrected = event(dateOfBirthCorrected, { studentId, ...born, timeZone, reason: data.reason });
  if (born.ageBand === 'adult' || facts.consentGranted) return [corrected];
  const parentEmail = data.parentEmail ?? state.parentEmail;
  if (parentEmail === undefined) throw new ParentEmailRequired();
  const restricted = isReady(state) ? [event(studentRestricted, { studentId, reason: 'consent_missing' })] : [];
  return [corrected, ...minority(studentId, born.ageBand, parentEmail), ...restricted];
}

function minority(studentId: string, band: AgeBand, parentEmail: string) {
  return [event(minorStatusDetected, { studentId, ageBand: band }), event(parentConsentRequired, { studentId, parentEmail })];
}

function birthOf(dateOfBirth: string, today: string) {
  const age = ageOn(dateOfBirth, today);
  if (dateOfBirth > today || age < 3 || age > 120) throw new DateOfBirthImplausible();
  const year = Number(dateOfBirth.slice(0, 4)) + ADULT_AGE;
  const leapDay = dateOfBirth.endsWith('-02-29') && !isLeapYear(year);
  const becomesAdultOn = leapDay ? `${year}-03-01` : `${year}${dateOfBirth.slice(4)}`;
  const band: AgeBand = age < STRICT_CONSENT_AGE ? 'under_13' : age < ADULT_AGE ? '13_to_17' : 'adult';
  return { dateOfBirth, becomesAdultOn, ageBand: band };
}

function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function mustOwn({ by }: StudentProfileCommand, studentId: string): void {
  if (by.userId !== studentId && by.actingFor !== studentId) throw new NotYourStudentProfile();
}

type Details = Partial<Pick<Profile, 'name' | 'gradeLevel' | 'subjectsOfInterest' | 'learningGoals'>>;
interface PresentDetails {
  name?: string;
  gradeLevel?: string;
  subjectsOfInterest?: string[];
  learningGoals?: string;
}

function present(given: Details): PresentDetails {
  const { name, gradeLevel, subjectsOfInterest, learningGoals } = given;
  return {
    ...(name === undefined ? {} : { name }),
    ...(gradeLevel === undefined ? {} : { gradeLevel }),
    ...(subjectsOfInterest === undefined ? {} : { subjectsOfInterest: [...new Set(subjectsOfInterest)] }),
    ...(learningGoals === undefined ? {} : { learningGoals }),
  };
}

function changesTo(profile: Profile, given: Details): PresentDetails {
  const same = (field: keyof PresentDetails) => JSON.stringify(wanted[field]) === JSON.stringify(profile[field]);
  const wanted = present(given);
  for (const field of Object.keys(wanted) as (keyof PresentDetails)[]) if (same(field)) delete wanted[field];
  return wanted;
}

function evolve(state: StudentProfileState, event: StudentProfileEvent): StudentProfileState {
  switch (event.type) {
    case 'StudentProfileCreated': {
      const { studentId: _, ...profile } = event.data;
      return { ...state, status: 'Draft', profile };
    }
    case 'StudentProfileUpdated': {
      const { studentId: _, ...changes } = event.data;
      return { ...state, profile: { ...state.profile!, ...changes } };
    }
    case 'DateOfBirthCorrected': {
      const { studentId: _, reason: __, ...born } = event.data;
      const status = state.status === 'AwaitingConsent' ? 'Draft' : state.status;
      return { ...state, status, profile: { ...state.profile!, ...born } };
    }
    case 'MinorStatusDetected':
      return { ...state, profile: { ...state.profile!, ageBand: event.data.ageBand } };
    case 'ParentConsentRequired':
      return { ...state, status: 'AwaitingConsent', parentEmail: event.data.parentEmail };
    case 'MinorStatusLapsed':
      return {
        ...state,
        status: state.status === 'AwaitingConsent' ? 'Draft' : state.status,
        profile: { ...state.profile!, ageBand: 'adult' },
      };
    case 'StudentReadyForPlatform':
      return { ...state, status: 'Ready' };
    case 'StudentRestricted':
      return { ...state, status: 'Restricted' };
  }
}

export const studentProfile: Decider<StudentProfileState, StudentProfileCommand, StudentProfileEvent> = {
  aggregateType: 'StudentProfile',
  context: 'identity',
  idField: 'studentId',
  stateVersion: 1,
  commands,
  events,
  refusals: [
    StudentProfileNotFound,
    StudentProfileExists,
    NotYourStudentProfile,
    NotAStudent,
    DateOfBirthImplausible,
    ParentEmailRequired,
    ParentEmailIsTheChilds,
    ConsentRequired,
    DateOfBirthIsForAdmins,
    StillAMinor,
  ],
  initial,
  decide,
  evolve,
};
