import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { Caller, Endpoint, Query } from '#infra/http/endpoint.ts';
import { ledger } from '#projections/payments/ledger.ts';
import { payoutAccounts } from '#projections/payments/payout-accounts.ts';
import { payouts } from '#projections/payments/payouts.ts';
import { cursorOf, writeCursor } from '../cursor.ts';
import { earnings } from './answers.ts';
import { PaymentsQueries } from './payments.queries.ts';

const pageWanted = z.object({
  after: cursorOf([z.iso.datetime(), uuid]).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

/** What tutors see of their money. */
@Controller('tutors')
export class EarningsController {
  constructor(@Inject(PaymentsQueries) private readonly queries: PaymentsQueries) {}

  @Get('earnings')
  @Endpoint({
    summary: 'What you have earned and been sent, and what a payout waits for.',
    actors: ['tutor'],
    query: pageWanted,
    response: earnings,
    reads: [ledger.name, payouts.name, payoutAccounts.name],
  })
  async earnings(@Query() { after, limit }: z.output<typeof pageWanted>, @Caller() caller: Caller): Promise<z.output<typeof earnings>> {
    const tutorId = caller.actor.userId ?? '';
    const [account, totals, rows] = await Promise.all([
      this.queries.payoutAccount(tutorId),
      this.queries.earnings(tutorId),
      this.queries.payouts(tutorId, after, limit),
    ]);
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      account: account?.status ?? 'None',
      totals,
      payouts: rows,
      next: last === undefined ? null : writeCursor([last.scheduledAt, last.payoutId]),
    };
  }

  @Get('payout-account/return')
  @Endpoint({
    summary: 'The page that Stripe leads a tutor back to.',
    actors: 'anyone',
    response: z.string(),
    produces: 'text/html; charset=utf-8',
  })
  back(): string {
    return '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Payouts</title></head><body><main><h1>Thank you</h1><p>You may close this page. If Stripe still needs something from you, ask for another link.</p></main></body></html>';
  }
}
