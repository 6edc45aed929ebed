import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#infra/postgres/database.ts';
import { ledger, type LedgerRow } from '#projections/payments/ledger.ts';
import { moneyQuestions, type MoneyQuestionRow } from '#projections/payments/money-questions.ts';
import { payers, type PayerRow } from '#projections/payments/payers.ts';
import { payments, type PaymentRow } from '#projections/payments/payments.ts';
import { payoutAccounts, type PayoutAccountRow } from '#projections/payments/payout-accounts.ts';
import { payouts, type PayoutRow } from '#projections/payments/payouts.ts';
import { columnsOf, viewOf } from '../rows.ts';

/** Where a page begins: after this time and id, newest first. */
export type Place = readonly [at: string, id: string];

/** One tutor's money in one currency. Minor units. */
export interface EarningsTotal {
  readonly currency: string;
  readonly lessons: number;
  readonly earnedMinor: number;
  readonly awaitingReleaseMinor: number;
  readonly paidOutMinor: number;
  readonly takenBackMinor: number;
  readonly debtMinor: number;
}

/** What was charged in one month and currency, and where it went. Minor units. */
export interface CommissionMonth {
  readonly month: string;
  readonly currency: string;
  readonly payments: number;
  readonly chargedMinor: number;
  readonly returnedMinor: number;
  readonly chargedBackMinor: number;
  readonly commissionMinor: number;
  readonly tutorShareMinor: number;
  readonly paidOutMinor: number;
  readonly platformLossMinor: number;
}

/** Reads the money. */
@Injectable()
export class PaymentsQueries {
  constructor(@Inject(Database) private readonly database: Database) {}

  async payment(paymentId: string): Promise<PaymentRow | undefined> {
    const sql = `select ${columnsOf(payments)} from ${viewOf(payments)} where key = $1`;
    return (await this.database.query<PaymentRow>(sql, [paymentId], 'payments.payment'))[0];
  }

  /** The payments of a payer, the newest first. */
  ofPayer(payerId: string, after: Place | undefined, limit: number): Promise<PaymentRow[]> {
    const sql = `select ${columnsOf(payments)} from ${viewOf(payments)}
      where payer_id = $1 and ($2::timestamptz is null or (initiated_at, payment_id) < ($2, $3::uuid))
      order by initiated_at desc, payment_id desc limit $4`;
    return this.database.query<PaymentRow>(sql, [payerId, after?.[0] ?? null, after?.[1] ?? null, limit], 'payments.of_payer');
  }

  async customerOf(payerId: string): Promise<string | undefined> {
    const sql = `select ${columnsOf(payers)} from ${viewOf(payers)} where key = $1`;
    return (await this.database.query<PayerRow>(sql, [payerId], 'payments.payer'))[0]?.customerId;
  }

  async payoutAccount(tutorId: string): Promise<PayoutAccountRow | undefined> {
    const sql = `select ${columnsOf(payoutAccounts)} from ${viewOf(payoutAccounts)} where key = $1`;
    return (await this.database.query<PayoutAccountRow>(sql, [tutorId], 'payments.payout_account'))[0];
  }

  /** The payouts of a tutor, the newest first. */
  payouts(tutorId: string, after: Place | undefined, limit: number): Promise<PayoutRow[]> {
    const sql = `select ${columnsOf(payouts)} from ${viewOf(payouts)}
      where tutor_id = $1 and ($2::timestamptz is null or (scheduled_at, payout_id) < ($2, $3::uuid))
      order by scheduled_at desc, payout_id desc limit $4`;
    return this.database.query<PayoutRow>(sql, [tutorId, after?.[0] ?? null, after?.[1] ?? null, limit], 'payments.payouts');
  }

  earnings(tutorId: string): Promise<EarningsTotal[]> {
    const sql = `select currency, count(*)::int as lessons,
        coalesce(sum(tutor_share_minor) filter (where released_at is not null), 0)::bigint as "earnedMinor",
        coalesce(sum(tutor_share_minor) filter (where released_at is null), 0)::bigint as "awaitingReleaseMinor",
        sum(paid_out_minor)::bigint as "paidOutMinor", sum(reversed_minor)::bigint as "takenBackMinor",
        sum(debt_minor - debt_settled_minor)::bigint as "debtMinor"
      from ${viewOf(ledger)} where tutor_id = $1 and charged_at is not null group by currency order by currency`;
    return this.database.query<EarningsTotal>(sql, [tutorId], 'payments.earnings');
  }

  async ledger(bookingId: string): Promise<LedgerRow | undefined> {
    const sql = `select ${columnsOf(ledger)} from ${viewOf(ledger)} where key = $1`;
    return (await this.database.query<LedgerRow>(sql, [bookingId], 'payments.ledger'))[0];
  }

  /** What waits for an administrator, the oldest first. */
  questions(limit: number): Promise<MoneyQuestionRow[]> {
    const sql = `select ${columnsOf(moneyQuestions)} from ${viewOf(moneyQuestions)} order by since, key limit $1`;
    return this.database.query<MoneyQuestionRow>(sql, [limit], 'payments.questions');
  }

  /** Charges from one day until before another (UTC), by month and currency. */
  commission(from: string, until: string): Promise<CommissionMonth[]> {
    const sql = `select to_char(charged_at at time zone 'UTC', 'YYYY-MM') as month, currency, count(*)::int as payments,
        sum(charged_minor)::bigint as "chargedMinor", sum(returned_minor)::bigint as "returnedMinor",
        sum(charged_back_minor)::bigint as "chargedBackMinor", sum(commission_minor)::bigint as "commissionMinor",
        sum(tutor_share_minor)::bigint as "tutorShareMinor", sum(paid_out_minor - reversed_minor)::bigint as "paidOutMinor",
        sum(platform_loss_minor)::bigint as "platformLossMinor"
      from ${viewOf(ledger)} where charged_at >= $1::timestamptz and charged_at < $2::timestamptz
      group by 1, 2 order by 1, 2`;
    return this.database.query<CommissionMonth>(sql, [from, until], 'payments.commission');
  }
}
