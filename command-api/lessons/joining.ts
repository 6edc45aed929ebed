import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { millisecondsBetween } from '#domain/kernel/time.ts';
import { issueJoinToken, joinTokenIssued } from '#domain/lessons/video-session.ts';
import { AgoraTokens } from '#infra/adapters/agora/tokens.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { commandAnswer, type Caller } from '#infra/http/endpoint.ts';
import { CLOCK, CONFIG } from '#infra/http/injection.ts';
import type { Clock } from '#infra/time/clock.ts';

export const joinAnswer = commandAnswer.extend({
  appId: z.string().describe('Of the project at Agora.'),
  channel: z.string(),
  uid: z.number().int().describe('Join with exactly this one.'),
  token: z.string(),
  expiresAt: z.iso.datetime().describe('Join again for a new token before this.'),
  recordingConsent: z.boolean().describe('Whether the lesson may be recorded as far as you go.'),
});

/** Lets people into rooms: what is on record is that a token was issued; the token itself is minted here and kept nowhere. */
@Injectable()
export class Joining {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(AgoraTokens) private readonly tokens: AgoraTokens,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Pick<Config, 'agora'>,
  ) {}

  async join(lessonId: string, recordingConsent: boolean, caller: Caller): Promise<z.output<typeof joinAnswer>> {
    const { events, ...answer } = await this.commands.send(
      command(issueJoinToken, { lessonId, recordingConsent }),
      caller.commandContext(),
    );
    const issued = joinTokenIssued.schema.parse(events[0]?.data);
    const { channel, uid, expiresAt } = issued;
    const seconds = Math.max(1, millisecondsBetween(this.clock.now(), expiresAt) / 1000);
    const token = this.tokens.rtcToken({ channel, uid, seconds });
    return { ...answer, appId: this.config.agora.appId, channel, uid, token, expiresAt, recordingConsent: issued.recordingConsent };
  }
}
