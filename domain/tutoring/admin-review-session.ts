import type { z } from 'zod';
import type { Actor, CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { millisecondsBetween, plus, type Instant } from '../kernel/time.ts';
import * as messages from './admin-review-session.messages.ts';
import type { AdminReviewSessionCommand, AdminReviewSessionEvent } from './admin-review-session.messages.ts';
import type { Verdict } from './qualification-portfolio.ts';

// State
type Item = z.output<typeof messages.reviewItem>;

export interface AdminReviewSessionState {
  readonly status: 'None' | 'Queued' | 'InReview' | 'Assessed' | 'WaitingTutor' | 'Closed' | 'Withdrawn';
  readonly about: { readonly reviewId: string; readonly tutorId: string } | undefined;
  readonly round: number;
  readonly items: readonly Item[];
  readonly verdicts: Readonly<Record<string, Verdict>>;
  readonly claim: { readonly reviewerId: string; readonly lockedUntil: Instant } | undefined;
  readonly slaDueAt: Instant;
  readonly warned: boolean;
  readonly breaches: number;
  readonly askedAt: Instant | undefined;
  readonly outcome: z.output<typeof messages.outcome> | undefined;
}

const initial: AdminReviewSessionState = {
  status: 'None',
  about: undefined,
  round: 0,
  items: [],
  verdicts: {},
  claim: undefined,
  slaDueAt: '',
  warned: false,
  breaches: 0,
  askedAt: undefined,
  outcome: undefined,
};

const isOver = (state: AdminReviewSessionState): boolean => state.status === 'Closed' || state.status === 'Withdrawn';
const isPaused = (state: AdminReviewSessionState): boolean => state.status === 'WaitingTutor';
const isAssessed = (items: readonly Item[], verdicts: AdminReviewSessionState['verdicts']): boolean =>
  items.every(({ qualificationId }) => verdicts[qualificationId] !== undefined);

// Decisions
function decide(command: AdminReviewSessionCommand, state: AdminReviewSessionState): readonly AdminReviewSessionEvent[] {
  if (command.type === 'QueueReview') return queue(command, state);
  const { about, claim } = state;
  if (about === undefined) throw new messages.ReviewNotFound();
  const { at, by } = command;
  switch (command.type) {
    case 'ClaimReview':
      return claimFor(command.by, state, about, at);
    case 'ReleaseReview': {
      mustBeReviewer(by);
      mustBeOpen(state);
      if (claim === undefined) return [];
      if (claim.reviewerId !== by.userId) throw new messages.ReviewLocked();
      return [event(messages.adminReviewReleased, { ...about, reviewerId: claim.reviewerId, reason: 'released' })];
    }
    case 'ReleaseExpiredClaim':
      if (claim === undefined || isOver(state)) return [];
      if (at < claim.lockedUntil) throw new messages.ClaimStillHolds({ lockedUntil: claim.lockedUntil });
      return [event(messages.adminReviewReleased, { ...about, reviewerId: claim.reviewerId, reason: 'lock_expired' })];
    case 'AssessQualifications': {
      const reviewerId = mustHoldClaim(by, state, at);
      return assess(command.data.assessments, state, about, reviewerId);
    }
    case 'AskMoreInformation': {
      const reviewerId = mustHoldClaim(by, state, at);
      const { reasons, message } = command.data;
      return [
        event(messages.moreInformationRequested, {
          ...about,
          reviewerId,
          reasons,
          askedAt: at,
          ...(message === undefined ? {} : { message }),
        }),
      ];
    }
    case 'ProvideMoreInformation': {
      if (by.userId !== about.tutorId) throw new messages.NotYourReview();
      mustBeOpen(state);
      if (!isPaused(state)) throw new messages.NothingAsked();
      const slaDueAt = plus(state.slaDueAt, millisecondsBetween(state.askedAt!, at));
      return [event(messages.moreInformationProvided, { ...about, items: command.facts.items, slaDueAt })];
    }
    case 'DecideReview': {
      const { outcome, reasons } = command.data;
      mustBeReviewer(by);
      if (state.status === 'Closed' && state.outcome === outcome) return [];
      const decidedBy = mustHoldClaim(by, state, at);
      if (!isAssessed(state.items, state.verdicts)) throw new messages.NotYetAssessed();
      const unverified = state.items.filter(({ qualificationId }) => state.verdicts[qualificationId] !== 'verified');
      if (outcome === 'approved' && unverified.length > 0) {
        throw new messages.NotAllItemsVerified({ items: unverified.map(({ qualificationId }) => qualificationId) });
      }
      if (outcome === 'rejected' && reasons.length === 0) throw new messages.ReasonsRequired();
      return [event(messages.reviewClosed, { ...about, round: state.round, outcome, reasons, decidedBy, overridden: false })];
    }
    case 'CloseOverriddenReview': {
      if (isOver(state)) return [];
      const { outcome, decidedBy } = command.data;
      return [event(messages.reviewClosed, { ...about, round: state.round, outcome, reasons: [], decidedBy, overridden: true })];
    }
    case 'WithdrawReview':
      if (by.role !== 'system' && by.userId !== about.tutorId) throw new messages.NotYourReview();
      if (state.status === 'Withdrawn') return [];
      mustBeOpen(state);
      return [event(messages.reviewWithdrawn, { ...about, round: state.round })];
    case 'RecordSlaWarning':
      if (isOver(state) || isPaused(state) || state.warned || state.slaDueAt !== command.data.slaDueAt) return [];
      if (at < plus(state.slaDueAt, messages.SLA_WARNING_AFTER - messages.REVIEW_SLA)) throw new messages.SlaNotYetDue();
      return [event(messages.reviewSlaWarned, { ...about, slaDueAt: state.slaDueAt })];
    case 'RecordSlaBreach': {
      const { slaDueAt, breach } = command.data;
      if (isOver(state) || isPaused(state) || slaDueAt !== state.slaDueAt || breach <= state.breaches) return [];
      if (at < plus(slaDueAt, (breach - 1) * messages.SLA_REPEATS_EVERY)) throw new messages.SlaNotYetDue();
      return [event(messages.reviewSlaBreached, { ...about, slaDueAt, breach, breachedAt: at })];
    }
    default:
      return unreachable(command);
  }
}

function queue(command: CommandOf<typeof messages.queueReview>, state: AdminReviewSessionState): readonly AdminReviewSessionEvent[] {
  if (state.about !== undefined) return [];
  const { requestedAt } = command.data;
  return [
    event(messages.addedToAdminReviewQueue, {
      ...command.data,
      items: command.facts.items,
      slaDueAt: plus(requestedAt, messages.REVIEW_SLA),
    }),
  ];
}

function claimFor(
  by: Actor,
  state: AdminReviewSessionState,
  about: NonNullable<AdminReviewSessionState['about']>,
  at: Instant,
): readonly AdminReviewSessionEvent[] {
  const reviewerId = mustBeReviewer(by);
  if (reviewerId === about.tutorId) throw new messages.CannotReviewYourself();
  mustBeOpen(state);
  if (isPaused(state)) throw new messages.WaitingForTutor();
  const { claim } = state;
  const holds = claim !== undefined && at < claim.lockedUntil;
  if (holds && claim.reviewerId === reviewerId) return [];
  if (holds) throw new messages.ReviewLocked({ lockedUntil: claim.lockedUntil });
  const started = event(messages.adminReviewStarted, { ...about, reviewerId, lockedUntil: plus(at, messages.CLAIM_LOCK) });
  if (claim === undefined) return [started];
  return [event(messages.adminReviewReleased, { ...about, reviewerId: claim.reviewerId, reason: 'lock_expired' }), started];
}

function assess(
  assessments: readonly z.output<typeof messages.assessment>[],
  state: AdminReviewSessionState,
  about: NonNullable<AdminReviewSessionState['about']>,
  reviewerId: string,
): readonly AdminReviewSessionEvent[] {
  const unknown = assessments.find(({ qualificationId }) => !state.items.some((known) => known.qualificationId === qualificationId));
  if (unknown !== undefined) throw new messages.UnknownReviewItem({ qualificationId: unknown.qualificationId });
  const changed = assessments.filter(({ qualificationId, verdict }) => state.verdicts[qualificationId] !== verdict);
  if (changed.length === 0) return [];
  const complete = isAssessed(state.items, withVerdicts(state.verdicts, changed));
  return [event(messages.qualificationsAssessed, { ...about, reviewerId, assessments: changed, complete })];
}

function withVerdicts(known: AdminReviewSessionState['verdicts'], assessments: readonly z.output<typeof messages.assessment>[]) {
  return { ...known, ...Object.fromEntries(assessments.map(({ qualificationId, verdict }) => [qualificationId, verdict])) };
}

function mustBeReviewer(by: Actor): string {
  if (by.role !== 'admin' || by.userId === undefined) throw new messages.ReviewersOnly();
  return by.userId;
}

/** The administrator who holds the claim now. */
function mustHoldClaim(by: Actor, state: AdminReviewSessionState, at: Instant): string {
  const reviewerId = mustBeReviewer(by);
  mustBeOpen(state);
  if (isPaused(state)) throw new messages.WaitingForTutor();
  const { claim } = state;
  if (claim === undefined || at >= claim.lockedUntil) throw new messages.ReviewNotClaimed();
  if (claim.reviewerId !== reviewerId) throw new messages.ReviewLocked({ lockedUntil: claim.lockedUntil });
  return reviewerId;
}

function mustBeOpen(state: AdminReviewSessionState): void {
  if (isOver(state)) throw new messages.ReviewIsClosed({ status: state.status });
}

function evolve(state: AdminReviewSessionState, event: AdminReviewSessionEvent): AdminReviewSessionState {
  switch (event.type) {
    case 'AddedToAdminReviewQueue': {
      const { reviewId, tutorId, round, items, slaDueAt } = event.data;
      return { ...initial, status: 'Queued', about: { reviewId, tutorId }, round, items, slaDueAt };
    }
    case 'AdminReviewStarted': {
      const { reviewerId, lockedUntil } = event.data;
      const assessed = state.items.length > 0 && isAssessed(state.items, state.verdicts);
      return { ...state, status: assessed ? 'Assessed' : 'InReview', claim: { reviewerId, lockedUntil } };
    }
    case 'AdminReviewReleased':
      return { ...state, status: 'Queued', claim: undefined };
    case 'QualificationsAssessed':
      return {
        ...state,
        status: event.data.complete ? 'Assessed' : 'InReview',
        verdicts: withVerdicts(state.verdicts, event.data.assessments),
      };
    case 'MoreInformationRequested':
      return { ...state, status: 'WaitingTutor', claim: undefined, askedAt: event.data.askedAt };
    case 'MoreInformationProvided': {
      const { items, slaDueAt } = event.data;
      // Only what was verified stays judged: the rest may have changed.
      const verdicts = Object.fromEntries(Object.entries(state.verdicts).filter(([, verdict]) => verdict === 'verified'));
      return { ...state, status: 'Queued', items, verdicts, slaDueAt, warned: false, breaches: 0, askedAt: undefined };
    }
    case 'ReviewSlaWarned':
      return { ...state, warned: true };
    case 'ReviewSlaBreached':
      return { ...state, breaches: event.data.breach };
    case 'ReviewClosed':
      return { ...state, status: 'Closed', claim: undefined, outcome: event.data.outcome };
    case 'ReviewWithdrawn':
      return { ...state, status: 'Withdrawn', claim: undefined };
  }
}

export const adminReviewSession: Decider<AdminReviewSessionState, AdminReviewSessionCommand, AdminReviewSessionEvent> = {
  aggregateType: 'AdminReviewSession',
  context: 'tutoring',
  idField: 'reviewId',
  stateVersion: 1,
  commands: messages.commands,
  events: messages.events,
  refusals: messages.refusals,
  initial,
  decide,
  evolve,
};
