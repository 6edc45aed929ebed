import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { defineEvent, type EventOf } from '../kernel/event.ts';
import { followUpId, uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';
import { HOUR } from '../kernel/time.ts';
import { verdict } from './qualification-portfolio.ts';
import { reviewReason, taught } from './tutor-profile.messages.ts';

/** The 24-hour Review SLA: elapsed time from the request; paused while the tutor has to answer. */
export const REVIEW_SLA = 24 * HOUR;
export const SLA_WARNING_AFTER = 20 * HOUR;
export const SLA_REPEATS_EVERY = 12 * HOUR;
/** How long a claim keeps other administrators away. */
export const CLAIM_LOCK = 2 * HOUR;

/** The review of one round of one tutor. */
export const reviewIdOf = (tutorId: string, round: number): string => followUpId('AdminReviewSession', tutorId, String(round));

const about = { reviewId: uuid, tutorId: uuid };
const instant = z.iso.datetime();
export const reviewItem = z.object({ qualificationId: uuid, kind: z.string(), title: z.string() });
const items = z.array(reviewItem).max(40);
export const assessment = z.object({ qualificationId: uuid, verdict, note: z.string().max(300).optional() });

// Events
export const addedToAdminReviewQueue = defineEvent('AddedToAdminReviewQueue', {
  sentence: 'A tutor waits for review.',
  schema: z.object({
    ...about,
    round: z.number().int().positive(),
    partial: z.boolean(),
    subjects: z.array(taught),
    items,
    requestedAt: instant,
    slaDueAt: instant,
  }),
});
export const adminReviewStarted = defineEvent('AdminReviewStarted', {
  sentence: 'An administrator claimed the review.',
  schema: z.object({ ...about, reviewerId: uuid, lockedUntil: instant }),
});
export const adminReviewReleased = defineEvent('AdminReviewReleased', {
  sentence: 'The review is free to be claimed again.',
  schema: z.object({ ...about, reviewerId: uuid, reason: z.enum(['released', 'lock_expired']) }),
});
export const qualificationsAssessed = defineEvent('QualificationsAssessed', {
  sentence: 'The administrator judged qualifications.',
  schema: z.object({ ...about, reviewerId: uuid, assessments: z.array(assessment), complete: z.boolean() }),
});
export const moreInformationRequested = defineEvent('MoreInformationRequested', {
  sentence: 'The tutor was asked for more; the clock of the review stands still.',
  schema: z.object({ ...about, reviewerId: uuid, reasons: z.array(reviewReason), message: z.string().optional(), askedAt: instant }),
  personal: { message: 'tutorId' },
});
export const moreInformationProvided = defineEvent('MoreInformationProvided', {
  sentence: 'The tutor answered; the clock of the review goes on.',
  schema: z.object({ ...about, items, slaDueAt: instant }),
});
export const reviewSlaWarned = defineEvent('ReviewSlaWarned', {
  sentence: 'The review has been waiting for 20 hours.',
  schema: z.object({ ...about, slaDueAt: instant }),
});
export const reviewSlaBreached = defineEvent('ReviewSlaBreached', {
  sentence: 'The review was not decided within its time; nothing is decided by that.',
  schema: z.object({ ...about, slaDueAt: instant, breach: z.number().int().positive(), breachedAt: instant }),
});
export const reviewClosed = defineEvent('ReviewClosed', {
  sentence: 'The review is decided.',
  schema: z.object({
    ...about,
    round: z.number().int().positive(),
    outcome: z.enum(['approved', 'rejected']),
    reasons: z.array(reviewReason),
    decidedBy: uuid.optional(),
    /** Decided without the review, by an administrator who approved or rejected the tutor directly. */
    overridden: z.boolean(),
  }),
});
export const reviewWithdrawn = defineEvent('ReviewWithdrawn', {
  sentence: 'The review is no longer wanted.',
  schema: z.object({ ...about, round: z.number().int().positive() }),
});

export const events = [
  addedToAdminReviewQueue,
  adminReviewStarted,
  adminReviewReleased,
  qualificationsAssessed,
  moreInformationRequested,
  moreInformationProvided,
  reviewSlaWarned,
  reviewSlaBreached,
  reviewClosed,
  reviewWithdrawn,
] as const;
export type AdminReviewSessionEvent = EventOf<typeof events>;

// Commands
const target = z.object({ reviewId: uuid });
export const outcome = reviewClosed.schema.shape.outcome;

export const queueReview = defineCommand('QueueReview', {
  sentence: 'Put a tutor into the review queue.',
  data: z.object({
    ...about,
    round: z.number().int().positive(),
    partial: z.boolean(),
    subjects: z.array(taught),
    requestedAt: instant,
  }),
  facts: z.object({ items }),
});
export const claimReview = defineCommand('ClaimReview', { sentence: 'Take a review for two hours.', data: target });
export const releaseReview = defineCommand('ReleaseReview', { sentence: 'Give a claimed review back.', data: target });
export const releaseExpiredClaim = defineCommand('ReleaseExpiredClaim', {
  sentence: 'Free a review whose claim has run out.',
  data: target,
});
export const assessQualifications = defineCommand('AssessQualifications', {
  sentence: 'Judge qualifications of a claimed review.',
  data: target.extend({ assessments: z.array(assessment).min(1).max(40) }),
});
export const askMoreInformation = defineCommand('AskMoreInformation', {
  sentence: 'Ask the tutor for more before deciding.',
  data: target.extend({ reasons: z.array(reviewReason).min(1).max(40), message: z.string().trim().min(1).max(1000).optional() }),
});
export const provideMoreInformation = defineCommand('ProvideMoreInformation', {
  sentence: 'Say that what was asked for is there.',
  data: target,
  facts: z.object({ items }),
});
export const decideReview = defineCommand('DecideReview', {
  sentence: 'Close a review: approve, or reject with reasons.',
  data: target.extend({ outcome, reasons: z.array(reviewReason).max(40).default([]) }),
});
export const closeOverriddenReview = defineCommand('CloseOverriddenReview', {
  sentence: 'Close a review after an administrator decided about the tutor directly.',
  data: target.extend({ outcome, decidedBy: uuid }),
});
export const withdrawReview = defineCommand('WithdrawReview', { sentence: 'Call a review off.', data: target });
export const recordSlaWarning = defineCommand('RecordSlaWarning', {
  sentence: 'Warn that a review is about to exceed its time.',
  data: target.extend({ slaDueAt: instant }),
});
export const recordSlaBreach = defineCommand('RecordSlaBreach', {
  sentence: 'Record that a review has exceeded its time.',
  data: target.extend({ slaDueAt: instant, breach: z.number().int().positive() }),
});

export const commands = [
  queueReview,
  claimReview,
  releaseReview,
  releaseExpiredClaim,
  assessQualifications,
  askMoreInformation,
  provideMoreInformation,
  decideReview,
  closeOverriddenReview,
  withdrawReview,
  recordSlaWarning,
  recordSlaBreach,
] as const;
export type AdminReviewSessionCommand = CommandOf<typeof commands>;

// Refusals
export class ReviewNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such review.';
}
export class ReviewersOnly extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only an administrator may review.';
}
export class CannotReviewYourself extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Nobody reviews themselves.';
}
export class ReviewLocked extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another administrator has claimed this review.';
}
export class ReviewNotClaimed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Claim the review first; a claim lasts two hours.';
}
export class ClaimStillHolds extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The claim has not run out.';
}
export class ReviewIsClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The review is decided or called off.';
}
export class WaitingForTutor extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The review waits for the tutor’s answer.';
}
export class NothingAsked extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor was not asked for more.';
}
export class NotYourReview extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This review is about somebody else.';
}
export class UnknownReviewItem extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The review has no such item.';
}
export class NotYetAssessed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Every item must be judged before the review is decided.';
}
export class NotAllItemsVerified extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'A tutor is approved only when every item is verified.';
}
export class ReasonsRequired extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'A rejection needs at least one reason.';
}
export class SlaNotYetDue extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The review is still within its time.';
}
export const refusals = [
  ReviewNotFound,
  ReviewersOnly,
  CannotReviewYourself,
  ReviewLocked,
  ReviewNotClaimed,
  ClaimStillHolds,
  ReviewIsClosed,
  WaitingForTutor,
  NothingAsked,
  NotYourReview,
  UnknownReviewItem,
  NotYetAssessed,
  NotAllItemsVerified,
  ReasonsRequired,
  SlaNotYetDue,
] as const;
