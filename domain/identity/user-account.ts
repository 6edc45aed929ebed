import type { z } from 'zod';
import type { CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { event } from '../kernel/event.ts';
import { DAY, millisecondsBetween, plus, type Instant } from '../kernel/time.ts';
import * as messages from './user-account.messages.ts';
import type { UserAccountCommand, UserAccountEvent } from './user-account.messages.ts';

// State
interface Account {
  readonly userId: string;
  readonly email: string;
  readonly emailHash: string;
  readonly role: z.output<typeof messages.accountRole>;
  readonly displayName: string | undefined;
  readonly timeZone: string;
  readonly locale: string;
}

export interface UserAccountState {
  readonly status: 'None' | 'PendingVerification' | 'Active' | 'Suspended' | 'Closing' | 'Closed';
  readonly account: Account | undefined;
  readonly verifyBy: Instant | undefined;
  /** When verification mails were asked for, the registration included; the newest last. */
  readonly verificationsAskedAt: readonly Instant[];
  readonly tokens: readonly { readonly deliveryId: string; readonly tokenHash: string; readonly expiresAt: Instant }[];
  readonly failedDeliveries: readonly string[];
  readonly attemptToldAt: Instant | undefined;
}

const initial: UserAccountState = {
  status: 'None',
  account: undefined,
  verifyBy: undefined,
  verificationsAskedAt: [],
  tokens: [],
  failedDeliveries: [],
  attemptToldAt: undefined,
};

export const isActive = (state: UserAccountState): boolean => state.status === 'Active';

// Decisions
function decide(command: UserAccountCommand, state: UserAccountState): readonly UserAccountEvent[] {
  if (command.type === 'RegisterUser') return register(command, state);
  const { account } = state;
  if (account === undefined) throw new messages.AccountNotFound();
  const { by, at, data } = command;
  const { userId } = account;
  switch (command.type) {
    case 'RequestVerification':
      mustBePending(state);
      mustNotAskTooOften(state.verificationsAskedAt, at);
      return [event(messages.emailVerificationRequested, { userId, requestedAt: at })];
    case 'RecordVerificationSent': {
      const { deliveryId, tokenHash } = command.data;
      if (state.tokens.some((token) => token.deliveryId === deliveryId)) return [];
      mustBePending(state);
      return [
        event(messages.emailVerificationSent, { userId, deliveryId, tokenHash, expiresAt: plus(at, messages.VERIFICATION_VALID_FOR) }),
      ];
    }
    case 'RecordVerificationFailed':
      if (state.failedDeliveries.includes(command.data.deliveryId)) return [];
      return [event(messages.emailDeliveryFailed, { userId, deliveryId: command.data.deliveryId })];
    case 'NoteRegistrationAttempt': {
      const { attemptToldAt } = state;
      if (state.status === 'Closed') return [];
      if (attemptToldAt !== undefined && millisecondsBetween(attemptToldAt, at) < messages.ATTEMPTS_TOLD_EVERY) return [];
      return [event(messages.registrationAttempted, { userId, attemptedAt: at })];
    }
    case 'VerifyEmail': {
      const token = state.tokens.find(({ tokenHash }) => tokenHash === command.data.tokenHash);
      if (token === undefined) throw new messages.VerificationTokenInvalid();
      if (state.status === 'Active') return [];
      mustBePending(state);
      if (at >= token.expiresAt) throw new messages.VerificationTokenExpired();
      return [event(messages.accountActivated, { userId, method: 'email_token' })];
    }
    case 'ActivateUser':
      mustBeOperator(command);
      if (state.status === 'Active') return [];
      mustBePending(state);
      return [event(messages.accountActivated, { userId, method: 'operator' })];
    case 'ExpireUnverified':
      if (state.status === 'Closed') return [];
      mustBePending(state);
      if (at < state.verifyBy!) throw new messages.RegistrationNotYetExpired({ verifyBy: state.verifyBy });
      return [event(messages.accountRegistrationExpired, { userId, emailHash: account.emailHash })];
    case 'SuspendAccount':
      mustBeOperator(command);
      if (state.status === 'Suspended') return [];
      mustBeActive(state);
      return [event(messages.accountSuspended, { userId, reason: command.data.reason })];
    case 'ReinstateAccount':
      mustBeOperator(command);
      if (state.status === 'Active') return [];
      if (state.status !== 'Suspended') throw new messages.AccountNotActive({ status: state.status });
      return [event(messages.accountReinstated, { userId })];
    case 'RequestAccountDeletion':
      if (by.userId !== data.userId && by.actingFor !== data.userId) throw new messages.NotYourAccount();
      if (state.status === 'Closing' || state.status === 'Closed') return [];
      return [event(messages.accountDeletionRequested, { userId })];
    case 'CompleteAccountDeletion':
      if (state.status === 'Closed') return [];
      if (state.status !== 'Closing') throw new messages.DeletionNotRequested();
      return [event(messages.accountErased, { userId, emailHash: account.emailHash })];
    default:
      return unreachable(command);
  }
}

function register(command: CommandOf<typeof messages.registerUser>, state: UserAccountState): readonly UserAccountEvent[] {
  const { data, facts, by, at } = command;
  if (state.account !== undefined) {
    if (state.account.emailHash === data.emailHash && state.account.role === data.role) return [];
    throw new messages.UserIdTaken();
  }
  // Administrators come from the seed or the command line only.
  if (data.role === 'admin' && by.role !== 'system') throw new messages.AdminsAreNotRegistered();
  if (facts.emailHeldBy !== data.userId) throw new messages.EmailNotReserved();
  return [event(messages.accountCreated, { ...data, registeredAt: at, verifyBy: plus(at, messages.REGISTRATION_VALID_FOR) })];
}

function mustBePending(state: UserAccountState): void {
  if (state.status === 'Closing' || state.status === 'Closed') throw new messages.AccountIsClosed();
  if (state.status === 'Suspended') throw new messages.AccountIsSuspended();
  if (state.status !== 'PendingVerification') throw new messages.AccountNotPending();
}

function mustBeActive(state: UserAccountState): void {
  if (state.status === 'Closing' || state.status === 'Closed') throw new messages.AccountIsClosed();
  if (state.status !== 'Active') throw new messages.AccountNotActive({ status: state.status });
}

function mustBeOperator({ by }: UserAccountCommand): void {
  if (by.role !== 'admin' && by.role !== 'internal' && by.role !== 'system') throw new messages.AccountNeedsAnOperator();
}

function mustNotAskTooOften(askedAt: readonly Instant[], at: Instant): void {
  const newest = askedAt.at(-1);
  if (newest !== undefined && millisecondsBetween(newest, at) < messages.VERIFICATION_APART) {
    throw new messages.VerificationTooSoon({ retryAt: plus(newest, messages.VERIFICATION_APART) });
  }
  if (askedAt.filter((asked) => millisecondsBetween(asked, at) < DAY).length >= messages.VERIFICATIONS_PER_DAY)
    throw new messages.TooManyVerifications();
}

function evolve(state: UserAccountState, event: UserAccountEvent): UserAccountState {
  switch (event.type) {
    case 'AccountCreated': {
      const { userId, email, emailHash, role, displayName, timeZone, locale, registeredAt, verifyBy } = event.data;
      const account = { userId, email, emailHash, role, displayName, timeZone, locale };
      return { ...initial, status: 'PendingVerification', account, verifyBy, verificationsAskedAt: [registeredAt] };
    }
    case 'EmailVerificationRequested':
      return { ...state, verificationsAskedAt: [...state.verificationsAskedAt, event.data.requestedAt] };
    case 'EmailVerificationSent': {
      const { deliveryId, tokenHash, expiresAt } = event.data;
      return { ...state, tokens: [...state.tokens, { deliveryId, tokenHash, expiresAt }] };
    }
    case 'EmailDeliveryFailed':
      return { ...state, failedDeliveries: [...state.failedDeliveries, event.data.deliveryId] };
    case 'RegistrationAttempted':
      return { ...state, attemptToldAt: event.data.attemptedAt };
    case 'AccountActivated':
      return { ...state, status: 'Active' };
    case 'AccountRegistrationExpired':
      return { ...state, status: 'Closed' };
    case 'AccountSuspended':
      return { ...state, status: 'Suspended' };
    case 'AccountReinstated':
      return { ...state, status: 'Active' };
    case 'AccountDeletionRequested':
      return { ...state, status: 'Closing' };
    case 'AccountErased':
      return { ...state, status: 'Closed' };
  }
}

export const userAccount: Decider<UserAccountState, UserAccountCommand, UserAccountEvent> = {
  aggregateType: 'UserAccount',
  context: 'identity',
  idField: 'userId',
  stateVersion: 1,
  commands: messages.commands,
  events: messages.events,
  refusals: messages.refusals,
  initial,
  decide,
  evolve,
};
