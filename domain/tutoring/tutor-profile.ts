import type { z } from 'zod';
import type { Actor, CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import type { Currency } from '../kernel/money.ts';
import * as messages from './tutor-profile.messages.ts';
import type { Taught, TutorProfileCommand, TutorProfileEvent } from './tutor-profile.messages.ts';

// State
interface Profile {
  readonly displayName?: string | undefined;
  readonly headline?: string | undefined;
  readonly bio?: string | undefined;
  readonly subjects?: readonly Taught[] | undefined;
  readonly hourlyRateMinor?: number | undefined;
  readonly currency?: Currency | undefined;
  readonly timeZone: string;
  readonly languages?: readonly string[] | undefined;
}
type Card = Omit<z.output<typeof messages.tutorAvailableForMatching.schema>, 'tutorId'>;
type Standing = 'Draft' | 'InReview' | 'Approved' | 'Rejected' | 'Available' | 'Paused';

export interface TutorProfileState {
  readonly status: 'None' | Standing | 'Suspended';
  readonly profile: Profile | undefined;
  readonly approvedSubjects: readonly Taught[];
  /** What students see in search; absent before the first publication. */
  readonly published: Card | undefined;
  readonly review: { readonly round: number; readonly partial: boolean; readonly subjects: readonly Taught[] } | undefined;
  readonly lastRound: number;
  /** Rounds since the last approval. */
  readonly roundsInVain: number;
  readonly lastDecision: { readonly round: number; readonly approved: boolean } | undefined;
  readonly beforeSuspension: Exclude<Standing, 'InReview'>;
}

const initial: TutorProfileState = {
  status: 'None',
  profile: undefined,
  approvedSubjects: [],
  published: undefined,
  review: undefined,
  lastRound: 0,
  roundsInVain: 0,
  lastDecision: undefined,
  beforeSuspension: 'Draft',
};

export const isAvailable = (state: TutorProfileState): boolean => state.status === 'Available';
const isApproved = (state: TutorProfileState): boolean =>
  state.status === 'Approved' || state.status === 'Available' || state.status === 'Paused';
const sameTaught = (one: Taught) => (other: Taught) => one.subject === other.subject && one.level === other.level;
const among = (list: readonly Taught[]) => (one: Taught) => list.some(sameTaught(one));
/** The approved subjects that the tutor still wants to teach: what search may show. */
export const liveSubjects = (state: TutorProfileState): readonly Taught[] =>
  state.approvedSubjects.filter(among(state.profile?.subjects ?? []));

// Decisions
function decide(command: TutorProfileCommand, state: TutorProfileState): readonly TutorProfileEvent[] {
  if (command.type === 'CreateTutorProfile') return create(command, state);
  const { profile } = state;
  if (profile === undefined) throw new messages.TutorProfileNotFound();
  const { tutorId } = command.data;
  const { by } = command;
  switch (command.type) {
    case 'UpdateTutorProfile':
      mustOwn(by, tutorId);
      return update(command, state, profile);
    case 'SubmitForReview':
      mustOwn(by, tutorId);
      return submit(command, state, profile);
    case 'WithdrawReviewRequest': {
      if (state.review?.round !== command.data.round) return [];
      const { round, partial } = state.review;
      return [event(messages.reviewRequestWithdrawn, { tutorId, round, partial })];
    }
    case 'ApproveTutor': {
      const review = reviewToDecide(command, state, true);
      if (review === undefined) return [];
      const { round, partial } = review;
      const subjects = partial ? [...state.approvedSubjects, ...review.subjects] : [...review.subjects];
      return [event(messages.tutorApproved, { tutorId, round, partial, subjects, ...overrider(by) })];
    }
    case 'RejectTutor': {
      const review = reviewToDecide(command, state, false);
      if (review === undefined) return [];
      const { round, partial } = review;
      return [event(messages.tutorRejected, { tutorId, round, partial, reasons: command.data.reasons, ...overrider(by) })];
    }
    case 'PublishTutor':
      mustNotBeSuspended(state);
      if (!isApproved(state)) throw new messages.TutorNotApproved({ status: state.status });
      return state.status === 'Paused' ? [] : publish(tutorId, state);
    case 'PauseTutor':
      mustOwn(by, tutorId);
      mustNotBeSuspended(state);
      if (state.status === 'Paused') return [];
      if (!isAvailable(state)) throw new messages.TutorNotApproved({ status: state.status });
      return [event(messages.tutorPaused, { tutorId })];
    case 'ResumeTutor':
      mustOwn(by, tutorId);
      mustNotBeSuspended(state);
      if (isAvailable(state)) return [];
      if (state.status !== 'Paused') throw new messages.TutorNotApproved({ status: state.status });
      return [event(messages.tutorResumed, { tutorId }), ...publish(tutorId, state)];
    case 'SuspendTutor': {
      mustHaveAuthority(by);
      if (state.status === 'Suspended') return [];
      const open = state.review === undefined ? {} : { reviewRound: state.review.round };
      return [event(messages.tutorSuspended, { tutorId, reason: command.data.reason, ...open })];
    }
    case 'ReinstateTutor':
      mustHaveAuthority(by);
      if (state.status !== 'Suspended') return [];
      return [event(messages.tutorReinstated, { tutorId, status: state.beforeSuspension })];
    default:
      return unreachable(command);
  }
}

function create(command: CommandOf<typeof messages.createTutorProfile>, state: TutorProfileState): readonly TutorProfileEvent[] {
  const { data, facts, by } = command;
  const { tutorId } = data;
  mustOwn(by, tutorId);
  if (state.profile !== undefined) {
    if (Object.keys(changesTo(state.profile, data)).length === 0) return [];
    throw new messages.TutorProfileExists();
  }
  if (facts.account?.role !== 'tutor') throw new messages.NotATutor();
  if (!facts.account.active) throw new messages.TutorAccountNotActive();
  const timeZone = data.timeZone ?? facts.account.timeZone;
  const displayName = data.displayName ?? facts.account.displayName;
  return [event(messages.tutorProfileCreated, { tutorId, ...changesTo({ timeZone }, { ...data, displayName }), timeZone })];
}

function update(
  { data }: CommandOf<typeof messages.updateTutorProfile>,
  state: TutorProfileState,
  profile: Profile,
): readonly TutorProfileEvent[] {
  mustNotBeSuspended(state);
  const { tutorId } = data;
  const changes = changesTo(profile, data);
  if (Object.keys(changes).length === 0) return [];
  const decided: TutorProfileEvent[] = [event(messages.tutorProfileUpdated, { tutorId, ...changes })];
  if (changes.subjects !== undefined) {
    if (state.review !== undefined) throw new messages.SubjectsUnderReview();
    if (isApproved(state)) decided.push(...reviewOfNew(tutorId, changes.subjects, state));
  }
  if (isAvailable(state)) decided.push(...publish(tutorId, decided.reduce(evolve, state)));
  return decided;
}

/** Subjects added after approval are reviewed on their own; the approved ones stay live. */
function reviewOfNew(tutorId: string, wanted: readonly Taught[], state: TutorProfileState): readonly TutorProfileEvent[] {
  if (!wanted.some(among(state.approvedSubjects))) throw new messages.LastSubject();
  const added = wanted.filter((subject) => !among(state.approvedSubjects)(subject));
  if (added.length === 0) return [];
  return [event(messages.reviewRequested, { tutorId, round: nextRound(state), partial: true, subjects: added })];
}

function submit(
  { data, facts }: CommandOf<typeof messages.submitForReview>,
  state: TutorProfileState,
  profile: Profile,
): readonly TutorProfileEvent[] {
  mustNotBeSuspended(state);
  if (state.review !== undefined) return [];
  if (isApproved(state)) throw new messages.AlreadyApproved();
  const subjects = [...(profile.subjects ?? [])];
  const needed = {
    headline: profile.headline !== undefined,
    bio: profile.bio !== undefined,
    subjects: subjects.length > 0,
    hourlyRateMinor: profile.hourlyRateMinor !== undefined,
    currency: profile.currency !== undefined,
    qualification: facts.documentedQualifications > 0,
  };
  const missing = Object.entries(needed).flatMap(([field, there]) => (there ? [] : [field]));
  if (missing.length > 0) throw new messages.ProfileIncomplete({ missing });
  return [event(messages.reviewRequested, { tutorId: data.tutorId, round: nextRound(state), partial: false, subjects })];
}

function nextRound(state: TutorProfileState): number {
  if (state.roundsInVain >= messages.REVIEW_ROUNDS) throw new messages.ReviewRoundsExhausted({ rounds: messages.REVIEW_ROUNDS });
  return state.lastRound + 1;
}

/** The open review that this decision is about; undefined when it was decided so already. */
function reviewToDecide(
  { by, data }: CommandOf<typeof messages.approveTutor | typeof messages.rejectTutor>,
  state: TutorProfileState,
  approve: boolean,
): TutorProfileState['review'] {
  mustHaveAuthority(by);
  mustNotBeSuspended(state);
  const { review, lastDecision } = state;
  const round = data.round ?? review?.round ?? lastDecision?.round;
  if (review !== undefined && review.round === round) return review;
  if (lastDecision !== undefined && lastDecision.round === round && lastDecision.approved === approve) return undefined;
  throw new messages.NoOpenReview({ status: state.status });
}

function publish(tutorId: string, state: TutorProfileState): readonly TutorProfileEvent[] {
  const { hourlyRateMinor, currency, timeZone, languages } = state.profile!;
  const card = {
    subjects: [...liveSubjects(state)],
    hourlyRateMinor: hourlyRateMinor!,
    currency: currency!,
    timeZone,
    languages: [...(languages ?? [])],
  };
  // Whoever was out of sight comes back with the same card.
  if (isAvailable(state) && JSON.stringify(card) === JSON.stringify(state.published)) return [];
  return [event(messages.tutorAvailableForMatching, { tutorId, ...card })];
}

const fields = ['displayName', 'headline', 'bio', 'subjects', 'hourlyRateMinor', 'currency', 'timeZone', 'languages'] as const;
type Changes = Omit<z.output<typeof messages.tutorProfileUpdated.schema>, 'tutorId'>;

function changesTo(profile: Profile, wanted: { readonly [F in keyof Profile]?: Profile[F] | undefined }): Changes {
  const changed = fields.filter((field) => wanted[field] !== undefined && JSON.stringify(wanted[field]) !== JSON.stringify(profile[field]));
  return Object.fromEntries(changed.map((field) => [field, wanted[field]]));
}

function mustOwn(by: Actor, tutorId: string): void {
  if (by.userId !== tutorId) throw new messages.NotYourTutorProfile();
}

function mustHaveAuthority(by: Actor): void {
  const namedAdmin = (by.role === 'admin' || by.role === 'internal') && by.userId !== undefined;
  if (by.role !== 'system' && !namedAdmin) throw new messages.ApprovalNeedsAnAdmin();
}

function mustNotBeSuspended(state: TutorProfileState): void {
  if (state.status === 'Suspended') throw new messages.TutorIsSuspended();
}

function overrider(by: Actor): { overriddenBy?: string } {
  return by.role === 'system' || by.userId === undefined ? {} : { overriddenBy: by.userId };
}

/** Ends the open review; subjects that only waited for it leave the profile. */
function withoutReview(state: TutorProfileState): TutorProfileState {
  const { review, profile } = state;
  if (!review?.partial) return { ...state, review: undefined };
  const subjects = (profile!.subjects ?? []).filter((subject) => !among(review.subjects)(subject));
  return { ...state, review: undefined, profile: { ...profile!, subjects } };
}

function evolve(state: TutorProfileState, event: TutorProfileEvent): TutorProfileState {
  switch (event.type) {
    case 'TutorProfileCreated': {
      const { tutorId: _, ...profile } = event.data;
      return { ...initial, status: 'Draft', profile };
    }
    case 'TutorProfileUpdated': {
      const { tutorId: _, ...changes } = event.data;
      const timeZone = changes.timeZone ?? state.profile!.timeZone;
      return { ...state, profile: { ...state.profile, ...changes, timeZone } };
    }
    case 'ReviewRequested': {
      const { round, partial, subjects } = event.data;
      const asked = { ...state, review: { round, partial, subjects }, lastRound: round, roundsInVain: state.roundsInVain + 1 };
      return partial ? asked : { ...asked, status: 'InReview' };
    }
    case 'ReviewRequestWithdrawn':
      return event.data.partial ? withoutReview(state) : { ...withoutReview(state), status: 'Draft' };
    case 'TutorApproved': {
      const { round, partial, subjects } = event.data;
      const status = partial ? state.status : 'Approved';
      const lastDecision = { round, approved: true };
      return { ...state, status, review: undefined, approvedSubjects: subjects, roundsInVain: 0, lastDecision };
    }
    case 'TutorRejected': {
      const lastDecision = { round: event.data.round, approved: false };
      return { ...withoutReview(state), status: event.data.partial ? state.status : 'Rejected', lastDecision };
    }
    case 'TutorAvailableForMatching': {
      const { tutorId: _, ...published } = event.data;
      return { ...state, status: 'Available', published };
    }
    case 'TutorPaused':
      return { ...state, status: 'Paused' };
    case 'TutorResumed':
      return { ...state, status: 'Available' };
    case 'TutorSuspended': {
      const { status } = state;
      const beforeSuspension = status === 'InReview' || status === 'None' || status === 'Suspended' ? 'Draft' : status;
      return { ...withoutReview(state), status: 'Suspended', beforeSuspension };
    }
    case 'TutorReinstated':
      return { ...state, status: event.data.status };
  }
}

export const tutorProfile: Decider<TutorProfileState, TutorProfileCommand, TutorProfileEvent> = {
  aggregateType: 'TutorProfile',
  context: 'tutoring',
  idField: 'tutorId',
  stateVersion: 1,
  commands: messages.commands,
  events: messages.events,
  refusals: messages.refusals,
  initial,
  decide,
  evolve,
};
