import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { ledger } from '#projections/payments/ledger.ts';
import { moneyQuestions } from '#projections/payments/money-questions.ts';
import { ledgerEntry, moneyQuestion } from './answers.ts';
import { PaymentsQueries } from './payments.queries.ts';

const byBooking = z.object({ bookingId: uuid });
const wanted = z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) });
const questions = z.object({ questions: z.array(moneyQuestion).describe('The oldest first.') });

/** What administrators see of the money. */
@Controller('admin')
export class LedgerController {
  constructor(@Inject(PaymentsQueries) private readonly queries: PaymentsQueries) {}

  @Get('ledger/:bookingId')
  @Endpoint({
    summary: 'The money of a booking, to the cent: charged, refunded, commission, the tutor’s share, paid out.',
    actors: ['admin'],
    params: byBooking,
    response: ledgerEntry,
    reads: [ledger.name],
  })
  async ledger(@Params() { bookingId }: z.output<typeof byBooking>): Promise<z.output<typeof ledgerEntry>> {
    const row = await this.queries.ledger(bookingId);
    if (row === undefined) throw new Problem('not_found');
    const kept = row.returnedMinor + row.chargedBackMinor + row.commissionMinor + row.tutorShareMinor;
    return { ...row, balanced: kept === row.chargedMinor };
  }

  @Get('payments/questions')
  @Endpoint({
    summary: 'What somebody has to look into before money moves on.',
    actors: ['admin'],
    query: wanted,
    response: questions,
    reads: [moneyQuestions.name],
  })
  async questions(@Query() { limit }: z.output<typeof wanted>): Promise<z.output<typeof questions>> {
    return { questions: await this.queries.questions(limit) };
  }
}
