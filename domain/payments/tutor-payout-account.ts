import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { currency, minorUnits, type Currency } from '../kernel/money.ts';
import { Refusal } from '../kernel/refusal.ts';
import { idempotencyKey, nettedDebt, stripeId } from './payment-events.ts';

// Events
const tutor = { tutorId: uuid };
const account = { ...tutor, accountId: stripeId };
const waitingPayout = z.object({ paymentId: uuid, payoutId: uuid });
type WaitingPayout = z.output<typeof waitingPayout>;

export const payoutOnboardingStarted = defineEvent('PayoutOnboardingStarted', {
  sentence: 'The tutor wants to be paid; the key of the call that opens their account at Stripe is fixed.',
  schema: z.object({ ...tutor, attempt: z.number().int().positive(), idempotencyKey }),
});
export const payoutAccountCreated = defineEvent('PayoutAccountCreated', {
  sentence: 'The tutor has an account at Stripe, still to be filled in.',
  schema: z.object(account),
});
export const onboardingLinkIssued = defineEvent('OnboardingLinkIssued', {
  sentence: 'The tutor was given a one-use link to fill their account in; the link itself is not kept.',
  schema: z.object({ ...account, expiresAt: z.iso.datetime() }),
});
export const payoutAccountActivated = defineEvent('PayoutAccountActivated', {
  sentence: 'Stripe may pay the tutor; the payouts that waited for it are named.',
  schema: z.object({ ...account, waiting: z.array(waitingPayout) }),
});
export const payoutAccountRestricted = defineEvent('PayoutAccountRestricted', {
  sentence: 'Stripe wants something from the tutor before it pays them on.',
  schema: z.object(account),
});
export const payoutAccountRejected = defineEvent('PayoutAccountRejected', {
  sentence: 'Stripe turned the tutor’s account down for good.',
  schema: z.object(account),
});
export const payoutAccountDisconnected = defineEvent('PayoutAccountDisconnected', {
  sentence: 'The tutor cut their account at Stripe off from us.',
  schema: z.object(account),
});
export const payoutAwaitsAccount = defineEvent('PayoutAwaitsAccount', {
  sentence: 'A payout waits until Stripe may pay the tutor.',
  schema: z.object({ ...tutor, paymentId: uuid, payoutId: uuid }),
});
export const tutorDebtNoted = defineEvent('TutorDebtNoted', {
  sentence: 'The tutor owes something back from a payment; later payouts are to pay it.',
  schema: z.object({ ...tutor, debtId: uuid, paymentId: uuid, amount: minorUnits, currency }),
});
export const tutorDebtClaimed = defineEvent('TutorDebtClaimed', {
  sentence: 'The payout of a payment was put aside for open debts, as far as it reaches.',
  schema: z.object({ ...tutor, paymentId: uuid, currency, debts: z.array(nettedDebt) }),
});

const events = [
  payoutOnboardingStarted,
  payoutAccountCreated,
  onboardingLinkIssued,
  payoutAccountActivated,
  payoutAccountRestricted,
  payoutAccountRejected,
  payoutAccountDisconnected,
  payoutAwaitsAccount,
  tutorDebtNoted,
  tutorDebtClaimed,
] as const;
export type TutorPayoutAccountEvent = EventOf<typeof events>;

// Commands
const target = z.object(tutor);

export const startPayoutOnboarding = defineCommand('StartPayoutOnboarding', {
  sentence: 'Ask to be paid: an account at Stripe will be opened.',
  data: target,
});
export const recordPayoutAccount = defineCommand('RecordPayoutAccount', {
  sentence: 'Record the account that Stripe opened.',
  data: target.extend({ accountId: stripeId }),
});
export const issueOnboardingLink = defineCommand('IssueOnboardingLink', {
  sentence: 'Record that the tutor was given a link to fill their account in.',
  data: target.extend({ expiresAt: z.iso.datetime() }),
});
export const recordPayoutAccountStatus = defineCommand('RecordPayoutAccountStatus', {
  sentence: 'Record what Stripe says of the account.',
  data: target.extend({ accountId: stripeId, status: z.enum(['active', 'restricted', 'rejected', 'disconnected']) }),
});
export const awaitPayoutAccount = defineCommand('AwaitPayoutAccount', {
  sentence: 'Name a payout that goes on once Stripe may pay the tutor.',
  data: target.extend(waitingPayout.shape),
});
export const noteTutorDebt = defineCommand('NoteTutorDebt', {
  sentence: 'Note a debt that later payouts are to pay.',
  data: target.extend({ debtId: uuid, paymentId: uuid, amount: minorUnits.positive(), currency }),
});
export const claimTutorDebt = defineCommand('ClaimTutorDebt', {
  sentence: 'Put the payout of a payment aside for open debts, up to what it would have been.',
  data: target.extend({ paymentId: uuid }),
  facts: z.object({
    /** What could be planned to be sent for the payment; null when there is no such payment. */
    payable: z.object({ amount: minorUnits, currency }).nullable(),
  }),
});

const commands = [
  startPayoutOnboarding,
  recordPayoutAccount,
  issueOnboardingLink,
  recordPayoutAccountStatus,
  awaitPayoutAccount,
  noteTutorDebt,
  claimTutorDebt,
] as const;
type TutorPayoutAccountCommand = CommandOf<typeof commands>;

// Refusals
export class NotYourPayoutAccount extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only a tutor may set up their own payouts.';
}
export class OnlyThePlatformTendsAccounts extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the platform itself may record this.';
}
export class PayoutAccountMissing extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor has no account for payouts yet.';
}
export class AnotherPayoutAccount extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor is paid into another account.';
}
export class PayoutAccountClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Stripe has turned this account down.';
}
export class PayoutAccountIsActive extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor can be paid: nothing has to wait.';
}

// State
interface Debt {
  readonly debtId: string;
  readonly paymentId: string;
  readonly currency: Currency;
  readonly amount: number;
  readonly open: number;
}

export interface TutorPayoutAccountState {
  readonly status: 'None' | 'Pending' | 'Active' | 'Restricted' | 'Rejected' | 'Disconnected';
  readonly attempt: number;
  /** Key of the call that opens the account, from the moment it was asked for. */
  readonly accountKey: string | undefined;
  readonly accountId: string | undefined;
  readonly waiting: readonly WaitingPayout[];
  readonly debts: readonly Debt[];
  readonly claims: Readonly<Record<string, readonly z.output<typeof nettedDebt>[]>>;
}

const initial: TutorPayoutAccountState = {
  status: 'None',
  attempt: 0,
  accountKey: undefined,
  accountId: undefined,
  waiting: [],
  debts: [],
  claims: {},
};

/** Whether Stripe may pay the tutor now. */
export function canBePaid(state: TutorPayoutAccountState): boolean {
  return state.status === 'Active';
}

/** What the tutor owes by currency and no payout was put aside for. Minor units. */
export function openDebtsOf(state: TutorPayoutAccountState): Partial<Record<Currency, number>> {
  const open: Partial<Record<Currency, number>> = {};
  for (const debt of state.debts) open[debt.currency] = (open[debt.currency] ?? 0) + debt.open;
  return open;
}

// Decisions
function decide(command: TutorPayoutAccountCommand, state: TutorPayoutAccountState): readonly TutorPayoutAccountEvent[] {
  const { tutorId } = command.data;
  const { by } = command;
  const isTheTutor = by.role === 'tutor' && by.userId === tutorId;
  const isThePlatform = by.role === 'system' || by.role === 'external';
  if (command.type === 'StartPayoutOnboarding' || command.type === 'IssueOnboardingLink') {
    if (!isTheTutor) throw new NotYourPayoutAccount();
  } else if (!isThePlatform) throw new OnlyThePlatformTendsAccounts();
  switch (command.type) {
    case 'StartPayoutOnboarding': {
      if (state.status === 'Rejected') throw new PayoutAccountClosed();
      if (state.accountKey !== undefined) return [];
      const attempt = state.attempt + 1;
      const key = attempt === 1 ? `acct:${tutorId}` : `acct:${tutorId}:${attempt}`;
      return [event(payoutOnboardingStarted, { tutorId, attempt, idempotencyKey: key })];
    }
    case 'RecordPayoutAccount':
      if (state.accountId === command.data.accountId) return [];
      if (state.accountId !== undefined) throw new AnotherPayoutAccount();
      if (state.accountKey === undefined) throw new PayoutAccountMissing();
      return [event(payoutAccountCreated, { tutorId, accountId: command.data.accountId })];
    case 'IssueOnboardingLink':
      if (state.status === 'Rejected') throw new PayoutAccountClosed();
      if (state.accountId === undefined) throw new PayoutAccountMissing();
      return [event(onboardingLinkIssued, { tutorId, accountId: state.accountId, expiresAt: command.data.expiresAt })];
    case 'RecordPayoutAccountStatus':
      return changeStatus(command, state);
    case 'AwaitPayoutAccount': {
      const { paymentId, payoutId } = command.data;
      if (canBePaid(state)) throw new PayoutAccountIsActive();
      if (state.waiting.some((payout) => payout.payoutId === payoutId)) return [];
      return [event(payoutAwaitsAccount, { tutorId, paymentId, payoutId })];
    }
    case 'NoteTutorDebt':
      if (state.debts.some((debt) => debt.debtId === command.data.debtId)) return [];
      return [event(tutorDebtNoted, command.data)];
    case 'ClaimTutorDebt': {
      const { paymentId } = command.data;
      const { payable } = command.facts;
      if (payable === null || state.claims[paymentId] !== undefined) return [];
      const { amount, currency } = payable;
      // Also when nothing is left to claim: the payout waits for this answer.
      return [event(tutorDebtClaimed, { tutorId, paymentId, currency, debts: claim(state.debts, amount, currency) })];
    }
    default:
      return unreachable(command);
  }
}

function changeStatus(
  command: CommandOf<typeof recordPayoutAccountStatus>,
  state: TutorPayoutAccountState,
): readonly TutorPayoutAccountEvent[] {
  const { tutorId, accountId, status } = command.data;
  if (state.accountId === undefined) throw new PayoutAccountMissing();
  if (state.accountId !== accountId) throw new AnotherPayoutAccount();
  if (state.status === 'Rejected') return [];
  switch (status) {
    case 'active':
      return state.status === 'Active' ? [] : [event(payoutAccountActivated, { tutorId, accountId, waiting: [...state.waiting] })];
    case 'restricted':
      // An account that was never active is restricted by nature: it is still being filled in.
      return state.status === 'Active' ? [event(payoutAccountRestricted, { tutorId, accountId })] : [];
    case 'rejected':
      return [event(payoutAccountRejected, { tutorId, accountId })];
    case 'disconnected':
      return [event(payoutAccountDisconnected, { tutorId, accountId })];
  }
}

/** The oldest debts first, until the amount is used up. */
function claim(debts: readonly Debt[], available: number, inCurrency: Currency): z.output<typeof nettedDebt>[] {
  const claimed: z.output<typeof nettedDebt>[] = [];
  let left = available;
  for (const { debtId, paymentId, currency, open } of debts) {
    const amount = currency === inCurrency ? Math.min(open, left) : 0;
    if (amount > 0) claimed.push({ debtId, paymentId, amount });
    left -= amount;
  }
  return claimed;
}

function evolve(state: TutorPayoutAccountState, event: TutorPayoutAccountEvent): TutorPayoutAccountState {
  switch (event.type) {
    case 'PayoutOnboardingStarted':
      return { ...state, status: 'Pending', attempt: event.data.attempt, accountKey: event.data.idempotencyKey };
    case 'PayoutAccountCreated':
      return { ...state, accountId: event.data.accountId };
    case 'OnboardingLinkIssued':
      return state;
    case 'PayoutAccountActivated':
      return { ...state, status: 'Active', waiting: [] };
    case 'PayoutAccountRestricted':
      return { ...state, status: 'Restricted' };
    case 'PayoutAccountRejected':
      return { ...state, status: 'Rejected' };
    case 'PayoutAccountDisconnected':
      return { ...state, status: 'Disconnected', accountKey: undefined, accountId: undefined };
    case 'PayoutAwaitsAccount':
      return { ...state, waiting: [...state.waiting, { paymentId: event.data.paymentId, payoutId: event.data.payoutId }] };
    case 'TutorDebtNoted': {
      const { debtId, paymentId, amount, currency } = event.data;
      return { ...state, debts: [...state.debts, { debtId, paymentId, currency, amount, open: amount }] };
    }
    case 'TutorDebtClaimed': {
      const { paymentId, debts } = event.data;
      const claimed = new Map(debts.map((debt) => [debt.debtId, debt.amount]));
      return {
        ...state,
        debts: state.debts.map((debt) => ({ ...debt, open: debt.open - (claimed.get(debt.debtId) ?? 0) })),
        claims: { ...state.claims, [paymentId]: debts },
      };
    }
  }
}

export const tutorPayoutAccount: Decider<TutorPayoutAccountState, TutorPayoutAccountCommand, TutorPayoutAccountEvent> = {
  aggregateType: 'TutorPayoutAccount',
  context: 'payments',
  idField: 'tutorId',
  stateVersion: 1,
  commands,
  events,
  refusals: [
    NotYourPayoutAccount,
    OnlyThePlatformTendsAccounts,
    PayoutAccountMissing,
    AnotherPayoutAccount,
    PayoutAccountClosed,
    PayoutAccountIsActive,
  ],
  initial,
  decide,
  evolve,
};
