import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Endpoint, Query } from '#infra/http/endpoint.ts';
import { ledger } from '#projections/payments/ledger.ts';
import { commissionReport } from './answers.ts';
import { PaymentsQueries } from './payments.queries.ts';

const period = z.object({
  from: z.iso.date().default('2000-01-01').describe('First day, UTC.'),
  until: z.iso.date().default('2999-12-31').describe('The day after the last, UTC.'),
});

@Controller('internal')
export class PaymentsInternalQueriesController {
  constructor(@Inject(PaymentsQueries) private readonly queries: PaymentsQueries) {}

  @Get('payments/commission-report')
  @Endpoint({
    summary: 'What was charged, and what each side kept of it, by month and currency.',
    actors: ['internal', 'admin'],
    query: period,
    response: commissionReport,
    reads: [ledger.name],
  })
  async report(@Query() { from, until }: z.output<typeof period>): Promise<z.output<typeof commissionReport>> {
    return { months: await this.queries.commission(`${from}T00:00:00Z`, `${until}T00:00:00Z`) };
  }
}
