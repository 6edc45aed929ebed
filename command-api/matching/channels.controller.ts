import { Controller, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import { postChatMessage, reportChatMessages } from '#domain/matching/chat-channel.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const channel = z.object({ id: uuid });
const message = postChatMessage.data.omit({ channelId: true });
const report = reportChatMessages.data.omit({ channelId: true });

@Controller('channels')
export class ChannelsController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post(':id/messages')
  @Endpoint({
    summary: 'Write in a channel; sent again with the same clientMessageId it is no second message.',
    actors: ['student', 'tutor'],
    params: channel,
    body: message,
    response: commandAnswer,
    rate: 'strict',
  })
  post(
    @Params() { id }: z.output<typeof channel>,
    @Body() body: z.output<typeof message>,
    @Caller() caller: Caller,
  ): Promise<CommandResult> {
    return this.commands.send(command(postChatMessage, { channelId: id, ...body }), caller.commandContext());
  }

  @Post(':id/reports')
  @Endpoint({
    summary: 'Ask the platform to look at messages.',
    actors: ['student', 'tutor'],
    params: channel,
    body: report,
    response: commandAnswer,
    rate: 'strict',
  })
  report(
    @Params() { id }: z.output<typeof channel>,
    @Body() body: z.output<typeof report>,
    @Caller() caller: Caller,
  ): Promise<CommandResult> {
    return this.commands.send(command(reportChatMessages, { channelId: id, ...body }), caller.commandContext());
  }
}
