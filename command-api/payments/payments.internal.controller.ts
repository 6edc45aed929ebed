import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { releasePayment, requestRefund, schedulePayout } from '#domain/payments/payment-commands.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, Caller, commandAnswer, Endpoint } from '#infra/http/endpoint.ts';

const released = releasePayment.data;
const scheduled = schedulePayout.data;
const refunded = requestRefund.data.partial({ refundId: true }).extend({ reason: z.string().trim().min(3).max(200) });

/** Overrides by hand, onto the same commands that the policies send; each needs an administrator who answers for it. */
@Controller('internal')
export class PaymentsInternalController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post('payments/release')
  @Endpoint({
    summary: 'Let the tutor have what they earned, before the time to object is over.',
    actors: ['internal', 'admin'],
    body: released,
    response: commandAnswer,
    status: 200,
  })
  release(@Body() data: z.output<typeof released>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(releasePayment, data), caller.commandContext());
  }

  @Post('payouts/schedule')
  @Endpoint({
    summary: 'Plan the payout of a released payment, also after one was called off.',
    actors: ['internal', 'admin'],
    body: scheduled,
    response: commandAnswer,
    status: 200,
  })
  schedule(@Body() data: z.output<typeof scheduled>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(schedulePayout, data), caller.commandContext());
  }

  @Post('payments/refund')
  @Endpoint({
    summary: 'Give part or all of a payment back to the payer.',
    actors: ['internal', 'admin'],
    body: refunded,
    response: commandAnswer.extend({ refundId: uuid }),
    status: 202,
  })
  async refund(
    @Body() { reason, ...data }: z.output<typeof refunded>,
    @Caller() caller: Caller,
  ): Promise<CommandResult & { refundId: string }> {
    const refundId = data.refundId ?? caller.newId('refund');
    const result = await this.commands.send(command(requestRefund, { ...data, refundId }), caller.commandContext({ reason }));
    return { ...result, refundId };
  }
}
