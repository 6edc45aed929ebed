import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { UpstreamUnsure } from '#infra/adapters/upstream-errors.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { byId, type ById, Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { Problem } from '#infra/http/problems.ts';
import { payers } from '#projections/payments/payers.ts';
import { payments } from '#projections/payments/payments.ts';
import { cursorOf, writeCursor } from '../cursor.ts';
import { payment, paymentMethod, paymentOf } from './answers.ts';
import { PaymentsQueries } from './payments.queries.ts';

const pageWanted = z.object({
  after: cursorOf([z.iso.datetime(), uuid]).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
const page = z.object({ payments: z.array(payment), next: z.string().nullable().describe('Send it as `after` for the next page.') });
const methods = z.object({ methods: z.array(paymentMethod) });

/** What payers see of their payments. */
@Controller('payments')
export class PaymentsQueriesController {
  constructor(
    @Inject(PaymentsQueries) private readonly queries: PaymentsQueries,
    @Inject(StripePayments) private readonly stripe: StripePayments,
  ) {}

  @Get('history')
  @Endpoint({
    summary: 'Your payments, the newest first.',
    actors: ['student', 'parent'],
    query: pageWanted,
    response: page,
    reads: [payments.name],
  })
  async history(@Query() { after, limit }: z.output<typeof pageWanted>, @Caller() caller: Caller): Promise<z.output<typeof page>> {
    const rows = await this.queries.ofPayer(caller.actor.userId ?? '', after, limit);
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { payments: rows.map(paymentOf), next: last === undefined ? null : writeCursor([last.initiatedAt, last.paymentId]) };
  }

  @Get('methods')
  @Endpoint({
    summary: 'Your saved cards, as Stripe keeps them.',
    actors: ['student', 'parent'],
    response: methods,
    reads: [payers.name],
  })
  async methods(@Caller() caller: Caller): Promise<z.output<typeof methods>> {
    const customer = await this.queries.customerOf(caller.actor.userId ?? '');
    if (customer === undefined) return { methods: [] };
    const saved = await this.stripe.listPaymentMethods(customer).catch((error: unknown) => {
      throw error instanceof UpstreamUnsure ? new Problem('upstream_unavailable', { headers: { 'retry-after': '2' } }) : error;
    });
    return {
      methods: saved.flatMap(({ id, card }) =>
        card === undefined
          ? []
          : [{ paymentMethodId: id, brand: card.brand, last4: card.last4, expiresMonth: card.exp_month, expiresYear: card.exp_year }],
      ),
    };
  }

  @Get(':id/status')
  @Endpoint({
    summary: 'How a payment stands.',
    actors: ['student', 'parent', 'admin'],
    params: byId,
    response: payment,
    reads: [payments.name],
  })
  async status(@Params() { id }: ById, @Caller() caller: Caller): Promise<z.output<typeof payment>> {
    const row = await this.queries.payment(id);
    if (row === undefined) throw new Problem('not_found');
    if (caller.actor.role !== 'admin' && row.payerId !== caller.actor.userId) throw new Problem('forbidden');
    return paymentOf(row);
  }
}
