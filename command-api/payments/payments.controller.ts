import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Body, Caller, Endpoint } from '#infra/http/endpoint.ts';
import { openPayment, PaymentConfirmation, wantedPayment } from './payment-confirmation.ts';

@Controller('payments')
export class PaymentsController {
  constructor(@Inject(PaymentConfirmation) private readonly payments: PaymentConfirmation) {}

  @Post('process')
  @Endpoint({
    summary: 'Pay for a booking: get what the card form needs, or confirm with a saved card. Only Stripe’s word makes a payment count.',
    actors: ['student', 'parent'],
    body: wantedPayment,
    response: openPayment,
    status: 200,
    secretAnswer: true,
  })
  process(@Body() wanted: z.output<typeof wantedPayment>, @Caller() caller: Caller): Promise<z.output<typeof openPayment>> {
    return this.payments.process(wanted, caller);
  }
}
