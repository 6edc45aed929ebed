import { Inject, Injectable } from '@nestjs/common';
import { command, type CommandMessage } from '#domain/kernel/command.ts';
import { pairId } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { freeConnectionPlace, takeConnectionPlace } from '#domain/matching/connection-allowance.ts';
import { claimConnectionGuard, releaseConnectionGuard } from '#domain/matching/connection-guard.ts';
import { sendConnectionRequest } from '#domain/matching/connection-request.ts';
import type { CommandResult } from '#infra/cqrs/commands.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import type { Caller } from '#infra/http/endpoint.ts';

/** What a student says when asking a tutor to connect. */
export interface WantedConnection {
  readonly tutorId: string;
  readonly subject: string;
  readonly level: string;
  readonly message?: string | undefined;
}

/**
 * Sends a connection request: first the pair's guard and one of the student's places are claimed, then the request is made. A claim whose
 * request was refused is given back at once; one whose sender died lapses by itself.
 */
@Injectable()
export class SendingConnection {
  constructor(@Inject(Commands) private readonly commands: Commands) {}

  async send(studentId: string, wanted: WantedConnection, caller: Caller): Promise<CommandResult> {
    const connectionRequestId = caller.newId('connection request');
    const pair = { pairId: pairId(studentId, wanted.tutorId), connectionRequestId };
    const place = { studentId, connectionRequestId };
    const step = (message: CommandMessage, name: string) => this.commands.send(message, caller.commandContext({ step: name }));
    try {
      await step(command(claimConnectionGuard, pair), 'claim');
      await step(command(takeConnectionPlace, place), 'take');
      return await step(command(sendConnectionRequest, { ...place, ...wanted }), 'send');
    } catch (refusal) {
      if (refusal instanceof Refusal) {
        await step(command(releaseConnectionGuard, pair), 'release');
        await step(command(freeConnectionPlace, place), 'free');
      }
      throw refusal;
    }
  }
}
