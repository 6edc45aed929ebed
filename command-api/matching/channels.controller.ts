import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { postChatMessage, reportChatMessages } from '#domain/matching/chat-channel.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';

const message = postChatMessage.data.omit({ channelId: true });
const report = reportChatMessages.data.omit({ channelId: true });

@Controller('channels')
export class ChannelsController {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  @Post(':id/messages')
  @Endpoint({
    summary: 'Write in a channel; sent again with the same clientMessageId it is no second message.',
    actors: ['student', 'tutor'],
    params: byId,
    body: message,
    response: commandAnswer,
    rate: 'strict',
  })
  post(@Params() { id }: ById, @Body() body: z.output<typeof message>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(postChatMessage, { channelId: id, ...body }), caller.commandContext());
  }

  @Post(':id/reports')
  @Endpoint({
    summary: 'Ask the platform to look at messages.',
    actors: ['student', 'tutor'],
    params: byId,
    body: report,
    response: commandAnswer,
    rate: 'strict',
  })
  report(@Params() { id }: ById, @Body() body: z.output<typeof report>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(reportChatMessages, { channelId: id, ...body }), caller.commandContext());
  }
}
