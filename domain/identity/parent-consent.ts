import type { Actor, CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { DAY, millisecondsBetween, plus, type Instant } from '../kernel/time.ts';
import * as messages from './parent-consent.messages.ts';
import type { ParentConsentCommand, ParentConsentEvent, Scope } from './parent-consent.messages.ts';

// State
interface ConsentRequest {
  readonly requestId: string;
  readonly parentEmail: string;
  readonly noticeVersion: string;
  readonly scopes: readonly Scope[];
  readonly tokenHash: string;
  readonly expiresAt: Instant;
}

export interface ParentConsentState {
  readonly status: 'None' | 'Requested' | 'Granted' | 'Denied' | 'Expired' | 'Revoked';
  readonly round: number;
  readonly request: ConsentRequest | undefined;
  readonly scopes: readonly Scope[];
  readonly reminders: number;
  /** When the parent was written to in this and earlier rounds, the newest last. */
  readonly writtenAt: readonly Instant[];
}

const initial: ParentConsentState = { status: 'None', round: 0, request: undefined, scopes: [], reminders: 0, writtenAt: [] };

export const isGranted = (state: ParentConsentState): boolean => state.status === 'Granted';
/** Whether a parent allows this; always false without consent. */
export const allows = (state: ParentConsentState, wanted: Scope): boolean => isGranted(state) && state.scopes.includes(wanted);

// Decisions
function decide(command: ParentConsentCommand, state: ParentConsentState): readonly ParentConsentEvent[] {
  if (command.type === 'RequestParentConsent') return request(command, state);
  if (state.request === undefined) throw new messages.ConsentNotRequested();
  const { at, by } = command;
  const { studentId } = command.data;
  const { round } = state;
  switch (command.type) {
    case 'RemindParent':
      // A later round, or an answer, has made this reminder pointless.
      return state.status === 'Requested' && round === command.data.round ? [remind(studentId, state, at)] : [];
    case 'GrantParentConsent':
      return grant(command, state, state.request);
    case 'DenyParentConsent':
      mustBeParent(by, command.data, state.request);
      if (state.status === 'Denied') return [];
      mustBeOpen(state, state.request, at);
      return [event(messages.parentConsentDenied, { studentId, round })];
    case 'ExpireParentConsent':
      if (state.status !== 'Requested' || round !== command.data.round) return [];
      if (at < state.request.expiresAt) throw new messages.ConsentRequestNotYetExpired({ expiresAt: state.request.expiresAt });
      return [event(messages.parentConsentExpired, { studentId, round })];
    case 'RevokeParentConsent': {
      mustBeParent(by, command.data, state.request);
      if (state.status === 'Revoked') return [];
      if (!isGranted(state)) throw new messages.ConsentNotGranted();
      const asked = command.data.scopes;
      // Without the account scope nothing else can stand.
      const all = asked === undefined || asked.includes('account');
      const revoked = state.scopes.filter((granted) => all || asked.includes(granted));
      const remaining = state.scopes.filter((granted) => !revoked.includes(granted));
      return revoked.length === 0 ? [] : [event(messages.parentConsentRevoked, { studentId, round, revoked, remaining })];
    }
    default:
      return unreachable(command);
  }
}

function request(command: CommandOf<typeof messages.requestParentConsent>, state: ParentConsentState): readonly ParentConsentEvent[] {
  const { data, facts, by, at } = command;
  const { studentId, requestId, tokenHash } = data;
  if (by.role !== 'system' && by.userId !== studentId) throw new messages.NotYourConsentRequest();
  if (state.request?.requestId === requestId) return [];
  if (facts.student === null) throw new messages.NobodyToConsentFor();
  if (!facts.student.minor) throw new messages.ConsentNotNeeded();
  if (isGranted(state)) throw new messages.ConsentAlreadyGranted();
  const parentEmail = data.parentEmail ?? state.request?.parentEmail ?? facts.student.parentEmail;
  if (parentEmail === null) throw new messages.ParentEmailMissing();
  if (parentEmail === facts.childEmail) throw new messages.ParentIsTheChild();
  if (by.role !== 'system') mustNotWriteTooOften(state.writtenAt, at);
  const open = state.status === 'Requested' && at < state.request!.expiresAt;
  if (open && state.request!.parentEmail === parentEmail) return [remind(studentId, state, at)];
  if (state.round >= messages.CONSENT_ROUNDS) throw new messages.ConsentRoundsExhausted();
  return [
    event(messages.parentConsentRequested, {
      studentId,
      round: state.round + 1,
      requestId,
      parentEmail,
      noticeVersion: messages.NOTICE_VERSION,
      scopes: [...messages.SCOPES_ASKED],
      tokenHash,
      requestedAt: at,
      expiresAt: plus(at, messages.CONSENT_VALID_FOR),
    }),
  ];
}

function remind(studentId: string, state: ParentConsentState, at: Instant) {
  const { requestId, expiresAt } = state.request!;
  return event(messages.parentConsentReminderSent, {
    studentId,
    round: state.round,
    requestId,
    reminder: state.reminders + 1,
    remindedAt: at,
    expiresAt,
  });
}

function grant(
  command: CommandOf<typeof messages.grantParentConsent>,
  state: ParentConsentState,
  open: ConsentRequest,
): readonly ParentConsentEvent[] {
  const { data, facts, by, at } = command;
  const { studentId, evidenceRef } = data;
  mustBeParent(by, data, open);
  if (isGranted(state) && sameScopes(state.scopes, data.scopes)) return [];
  if (!data.scopes.includes('account')) throw new messages.AccountScopeRequired();
  mustBeOpen(state, open, at);
  if (data.method !== 'email_link' && (evidenceRef === undefined || !isOperator(by))) throw new messages.ConsentEvidenceMissing();
  if (facts.ageBand === 'under_13' && !messages.APPROVED_UNDER_13.includes(data.method)) {
    throw new messages.ConsentMethodNotApproved({ approved: messages.APPROVED_UNDER_13 });
  }
  const evidence = evidenceRef === undefined ? {} : { evidenceRef };
  const granted = { studentId, round: state.round, method: data.method, scopes: [...new Set(data.scopes)] };
  return [event(messages.parentConsentGranted, { ...granted, noticeVersion: open.noticeVersion, ...evidence })];
}

function sameScopes(one: readonly Scope[], other: readonly Scope[]): boolean {
  return one.every((granted) => other.includes(granted)) && other.every((wanted) => one.includes(wanted));
}

function isOperator(by: Actor): boolean {
  return by.role === 'internal' || by.role === 'admin';
}

function mustBeParent(by: Actor, data: { studentId: string; tokenHash?: string | undefined }, open: ConsentRequest): void {
  if (by.userId === data.studentId) throw new messages.NotFromTheChild();
  if (data.tokenHash === undefined ? !isOperator(by) : data.tokenHash !== open.tokenHash) throw new messages.ConsentTokenInvalid();
}

function mustBeOpen(state: ParentConsentState, open: ConsentRequest, at: Instant): void {
  if (state.status === 'Expired') throw new messages.ConsentRequestExpired();
  if (state.status !== 'Requested') throw new messages.ConsentAlreadyDecided({ status: state.status });
  if (at >= open.expiresAt) throw new messages.ConsentRequestExpired();
}

function mustNotWriteTooOften(writtenAt: readonly Instant[], at: Instant): void {
  const newest = writtenAt.at(-1);
  if (newest !== undefined && millisecondsBetween(newest, at) < messages.REMINDERS_APART) {
    throw new messages.ConsentResendTooSoon({ retryAt: plus(newest, messages.REMINDERS_APART) });
  }
  if (writtenAt.filter((written) => millisecondsBetween(written, at) < DAY).length >= messages.REMINDERS_PER_DAY)
    throw new messages.TooManyConsentMails();
}

function evolve(state: ParentConsentState, event: ParentConsentEvent): ParentConsentState {
  switch (event.type) {
    case 'ParentConsentRequested': {
      const { round, requestId, parentEmail, noticeVersion, scopes, tokenHash, expiresAt, requestedAt } = event.data;
      const opened = { requestId, parentEmail, noticeVersion, scopes, tokenHash, expiresAt };
      return { status: 'Requested', round, request: opened, scopes: [], reminders: 0, writtenAt: [...state.writtenAt, requestedAt] };
    }
    case 'ParentConsentReminderSent':
      return { ...state, reminders: event.data.reminder, writtenAt: [...state.writtenAt, event.data.remindedAt] };
    case 'ParentConsentGranted':
      return { ...state, status: 'Granted', scopes: event.data.scopes };
    case 'ParentConsentDenied':
      return { ...state, status: 'Denied' };
    case 'ParentConsentExpired':
      return { ...state, status: 'Expired' };
    case 'ParentConsentRevoked': {
      const { remaining } = event.data;
      return { ...state, status: remaining.length === 0 ? 'Revoked' : 'Granted', scopes: remaining };
    }
  }
}

export const parentConsent: Decider<ParentConsentState, ParentConsentCommand, ParentConsentEvent> = {
  aggregateType: 'ParentConsent',
  context: 'identity',
  idField: 'studentId',
  stateVersion: 1,
  commands: messages.commands,
  events: messages.events,
  refusals: messages.refusals,
  initial,
  decide,
  evolve,
};
