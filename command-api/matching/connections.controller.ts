import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import {
  acceptConnection,
  rejectConnection,
  sendConnectionRequest,
  viewConnectionRequest,
  withdrawConnection,
} from '#domain/matching/connection-request.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Body, byId, type ById, Caller, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';
import { SendingConnection } from './sending-connection.ts';

const wanted = sendConnectionRequest.data.omit({ connectionRequestId: true, studentId: true });
const reason = rejectConnection.data.pick({ reason: true });

@Controller('connections')
export class ConnectionsController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(SendingConnection) private readonly sending: SendingConnection,
  ) {}

  @Post('request')
  @Endpoint({ summary: 'Ask a tutor to connect.', actors: ['student'], body: wanted, response: commandAnswer })
  send(@Body() body: z.output<typeof wanted>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.sending.send(caller.actor.userId!, body, caller);
  }

  @Post(':id/accept')
  @Endpoint({ summary: 'Accept a request.', actors: ['tutor'], params: byId, response: commandAnswer, status: 200 })
  accept(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(acceptConnection, { connectionRequestId: id }), caller.commandContext());
  }

  @Post(':id/reject')
  @Endpoint({ summary: 'Decline a request.', actors: ['tutor'], params: byId, body: reason, response: commandAnswer, status: 200 })
  reject(@Params() { id }: ById, @Body() body: z.output<typeof reason>, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(rejectConnection, { connectionRequestId: id, ...body }), caller.commandContext());
  }

  @Post(':id/viewed')
  @Endpoint({ summary: 'Say that a request was seen.', actors: ['tutor'], params: byId, response: commandAnswer, status: 200 })
  viewed(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(viewConnectionRequest, { connectionRequestId: id }), caller.commandContext());
  }

  @Post(':id/withdraw')
  @Endpoint({ summary: 'Take a request back.', actors: ['student'], params: byId, response: commandAnswer, status: 200 })
  withdraw(@Params() { id }: ById, @Caller() caller: Caller): Promise<CommandResult> {
    return this.commands.send(command(withdrawConnection, { connectionRequestId: id }), caller.commandContext());
  }
}
