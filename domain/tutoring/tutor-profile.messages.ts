import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { defineEvent, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { currency, minorUnits } from '../kernel/money.ts';
import { Refusal } from '../kernel/refusal.ts';
import { timeZoneName } from '../kernel/time.ts';

/** How often a tutor may ask for review before an approval. */
export const REVIEW_ROUNDS = 5;

const target = { tutorId: uuid };
const name = z.string().trim().toLowerCase().min(1).max(60);
export const taught = z.object({ subject: name, level: name });
export type Taught = z.output<typeof taught>;
const round = z.number().int().positive();

const recordedDetails = {
  displayName: z.string().optional(),
  headline: z.string().optional(),
  bio: z.string().optional(),
  subjects: z.array(taught).optional(),
  hourlyRateMinor: minorUnits.optional(),
  currency: currency.optional(),
  timeZone: z.string().optional(),
  languages: z.array(z.string()).optional(),
};
const personal = { displayName: 'tutorId', headline: 'tutorId', bio: 'tutorId' } as const;
/** Why a tutor, or one item, was not accepted. */
export const reviewReason = z.object({
  item: z.string().max(60),
  code: z.enum(['unreadable', 'expired', 'not_recognised', 'name_mismatch', 'insufficient', 'inappropriate', 'identity_unclear', 'other']),
});
export type ReviewReason = z.output<typeof reviewReason>;

// Events
export const tutorProfileCreated = defineEvent('TutorProfileCreated', {
  sentence: 'A tutor started a profile.',
  schema: z.object({ ...target, ...recordedDetails, timeZone: z.string() }),
  personal,
});
export const tutorProfileUpdated = defineEvent('TutorProfileUpdated', {
  sentence: 'The tutor changed the profile; only what changed is here.',
  schema: z.object({ ...target, ...recordedDetails }),
  personal,
});
export const reviewRequested = defineEvent('ReviewRequested', {
  sentence: 'The tutor asked for review, of all (or, when partial, of subjects added after approval).',
  schema: z.object({ ...target, round, partial: z.boolean(), subjects: z.array(taught) }),
});
export const reviewRequestWithdrawn = defineEvent('ReviewRequestWithdrawn', {
  sentence: 'The tutor no longer waits for review.',
  schema: z.object({ ...target, round, partial: z.boolean() }),
});
export const tutorApproved = defineEvent('TutorApproved', {
  sentence: 'The tutor may teach these subjects.',
  schema: z.object({
    ...target,
    round,
    partial: z.boolean(),
    subjects: z.array(taught),
    /** The administrator who decided without closing the review; absent when the review did. */
    overriddenBy: uuid.optional(),
  }),
});
export const tutorRejected = defineEvent('TutorRejected', {
  sentence: 'The review found the tutor, or the added subjects, not acceptable.',
  schema: z.object({ ...target, round, partial: z.boolean(), reasons: z.array(reviewReason), overriddenBy: uuid.optional() }),
});
export const tutorAvailableForMatching = defineEvent('TutorAvailableForMatching', {
  sentence: 'The tutor appears in search with these subjects.',
  schema: z.object({
    ...target,
    subjects: z.array(taught),
    hourlyRateMinor: minorUnits,
    currency,
    timeZone: z.string(),
    languages: z.array(z.string()),
  }),
});
export const tutorPaused = defineEvent('TutorPaused', { sentence: 'The tutor takes a break.', schema: z.object(target) });
export const tutorResumed = defineEvent('TutorResumed', { sentence: 'The tutor is back.', schema: z.object(target) });
export const tutorSuspended = defineEvent('TutorSuspended', {
  sentence: 'The platform stopped the tutor from teaching.',
  /** `reviewRound` is the review that was under way, which is over with the suspension. */
  schema: z.object({ ...target, reason: z.string(), reviewRound: round.optional() }),
});
export const tutorReinstated = defineEvent('TutorReinstated', {
  sentence: 'An administrator lifted the suspension.',
  schema: z.object({ ...target, status: z.enum(['Draft', 'Rejected', 'Approved', 'Available', 'Paused']) }),
});

export const events = [
  tutorProfileCreated,
  tutorProfileUpdated,
  reviewRequested,
  reviewRequestWithdrawn,
  tutorApproved,
  tutorRejected,
  tutorAvailableForMatching,
  tutorPaused,
  tutorResumed,
  tutorSuspended,
  tutorReinstated,
] as const;
export type TutorProfileEvent = EventOf<typeof events>;

// Commands
const details = {
  displayName: z.string().trim().min(1).max(80).optional(),
  headline: z.string().trim().min(1).max(120).optional(),
  bio: z.string().trim().min(1).max(4000).optional(),
  subjects: z.array(taught).max(40).optional(),
  hourlyRateMinor: minorUnits.min(100).max(1_000_000).optional(),
  currency: currency.optional(),
  timeZone: timeZoneName.optional(),
  languages: z.array(z.string().trim().toLowerCase().min(2).max(35)).max(20).optional(),
};
const decided = z.object({
  ...target,
  /** The round of the review that decided. Absent: an administrator overrides the open one. */
  round: round.optional(),
});

export const createTutorProfile = defineCommand('CreateTutorProfile', {
  sentence: 'Start a profile; everything may be completed later.',
  data: z.object({ ...target, ...details }),
  facts: z.object({
    account: z.object({ role: z.string(), active: z.boolean(), timeZone: z.string(), displayName: z.string().optional() }).nullable(),
  }),
});
export const updateTutorProfile = defineCommand('UpdateTutorProfile', {
  sentence: 'Complete or change a profile; a subject added after approval is reviewed before it goes live.',
  data: z.object({ ...target, ...details }),
});
export const submitForReview = defineCommand('SubmitForReview', {
  sentence: 'Ask to be reviewed.',
  data: z.object(target),
  facts: z.object({ documentedQualifications: z.number().int().nonnegative() }),
});
export const withdrawReviewRequest = defineCommand('WithdrawReviewRequest', {
  sentence: 'Stop waiting for a review that was withdrawn.',
  data: z.object({ ...target, round }),
});
export const approveTutor = defineCommand('ApproveTutor', { sentence: 'Let the tutor teach what was reviewed.', data: decided });
export const rejectTutor = defineCommand('RejectTutor', {
  sentence: 'Decline what was reviewed, with reasons.',
  data: decided.extend({ reasons: z.array(reviewReason).min(1).max(40) }),
});
export const publishTutor = defineCommand('PublishTutor', {
  sentence: 'Let students find the tutor.',
  data: z.object(target),
});
export const pauseTutor = defineCommand('PauseTutor', { sentence: 'Take a break from new students.', data: z.object(target) });
export const resumeTutor = defineCommand('ResumeTutor', { sentence: 'End the break.', data: z.object(target) });
export const suspendTutor = defineCommand('SuspendTutor', {
  sentence: 'Stop a tutor from teaching.',
  data: z.object({ ...target, reason: z.string().trim().min(1).max(300) }),
});
export const reinstateTutor = defineCommand('ReinstateTutor', { sentence: 'Lift a suspension.', data: z.object(target) });

export const commands = [
  createTutorProfile,
  updateTutorProfile,
  submitForReview,
  withdrawReviewRequest,
  approveTutor,
  rejectTutor,
  publishTutor,
  pauseTutor,
  resumeTutor,
  suspendTutor,
  reinstateTutor,
] as const;
export type TutorProfileCommand = CommandOf<typeof commands>;

// Refusals
export class TutorProfileNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such tutor profile.';
}
export class TutorProfileExists extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor has a profile already.';
}
export class NotYourTutorProfile extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This tutor profile belongs to somebody else.';
}
export class NotATutor extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only a tutor’s account may have a tutor profile.';
}
export class TutorAccountNotActive extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The e-mail address of the account must be verified first.';
}
export class ProfileIncomplete extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The profile lacks something that a review needs.';
}
export class SubjectsUnderReview extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Subjects cannot change while they are being reviewed.';
}
export class LastSubject extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'An approved tutor keeps at least one approved subject.';
}
export class AlreadyApproved extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor is approved; there is nothing to review.';
}
export class ReviewRoundsExhausted extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'The tutor has asked for review as often as allowed.';
}
export class NoOpenReview extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'There is no open review of this round.';
}
export class ApprovalNeedsAnAdmin extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only a closed review or a named administrator may decide about a tutor.';
}
export class TutorNotApproved extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor is not approved.';
}
export class TutorIsSuspended extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor is suspended.';
}

export const refusals = [
  TutorProfileNotFound,
  TutorProfileExists,
  NotYourTutorProfile,
  NotATutor,
  TutorAccountNotActive,
  ProfileIncomplete,
  SubjectsUnderReview,
  LastSubject,
  AlreadyApproved,
  ReviewRoundsExhausted,
  NoOpenReview,
  ApprovalNeedsAnAdmin,
  TutorNotApproved,
  TutorIsSuspended,
] as const;
