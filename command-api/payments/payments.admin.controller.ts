import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { cancelPayout, clearPaymentMismatch, retryRefund } from '#domain/payments/payment-commands.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const ofRefund = byId.extend({ refundId: uuid });
const ofPayout = byId.extend({ payoutId: uuid });
const why = z.object({ reason: z.string().trim().min(3).max(200) });

/** What administrators decide after they have looked into a question of money. */
@Controller('admin/payments')
export class PaymentsAdminController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post(':id/clear-mismatch')
  @Endpoint({
    summary: 'Lift the hold after a difference with Stripe was looked into.',
    actors: ['admin'],
    params: byId,
    body: why,
    response: commandAnswer,
    status: 200,
  })
  clear(@Params() { id: paymentId }: ById, @Body() { reason }: z.output<typeof why>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(clearPaymentMismatch, { paymentId }), caller.commandContext({ reason }));
  }

  @Post(':id/refunds/:refundId/retry')
  @Endpoint({
    summary: 'Try a refund again that failed.',
    actors: ['admin'],
    params: ofRefund,
    body: why,
    response: commandAnswer,
    status: 202,
  })
  retry(
    @Params() { id: paymentId, refundId }: z.output<typeof ofRefund>,
    @Body() { reason }: z.output<typeof why>,
    @Caller() caller: Caller,
  ): Promise<CommandResult> {
    return this.commands.send(command(retryRefund, { paymentId, refundId }), caller.commandContext({ reason }));
  }

  @Post(':id/payouts/:payoutId/cancel')
  @Endpoint({
    summary: 'Call a payout off that was not sent.',
    actors: ['admin'],
    params: ofPayout,
    body: why,
    response: commandAnswer,
    status: 200,
  })
  cancel(
    @Params() { id: paymentId, payoutId }: z.output<typeof ofPayout>,
    @Body() { reason }: z.output<typeof why>,
    @Caller() caller: Caller,
  ): Promise<CommandResult> {
    return this.commands.send(command(cancelPayout, { paymentId, payoutId }), caller.commandContext({ reason }));
  }
}
