import { Controller, Headers, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { followUpId } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import { isAgoraNotification } from '#infra/adapters/agora/rooms.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Caller, Endpoint, RawBody } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';
import { Problem } from '#infra/http/problems.ts';
import { agoraNotice, commandForNotice, type AgoraNotice } from './agora-notices.ts';

const received = z.object({ received: z.literal(true) });

/** Who came and went in rooms, and what became of recordings, as Agora tells it: signed, repeated, and in any order. */
@Controller('webhooks')
export class AgoraWebhookController {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(CONFIG) private readonly config: Pick<Config, 'agora'>,
  ) {}

  @Post('agora')
  @Endpoint({ summary: 'Takes the notifications of Agora.', actors: 'anyone', rawBody: true, response: received, status: 200 })
  async receive(
    @RawBody() body: Buffer,
    @Headers('agora-signature-v2') signature: string | undefined,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof received>> {
    const { webhookSecret } = this.config.agora;
    if (webhookSecret === undefined || !isAgoraNotification(body, signature ?? '', webhookSecret)) throw new Problem('unauthenticated');
    const notice = read(body);
    const message = commandForNotice(notice);
    if (message === undefined) return { received: true };
    const commandId = followUpId('agora notice', notice.noticeId);
    try {
      await this.commands.send(message, caller.commandContext({ by: { role: 'external' }, commandId }));
    } catch (refusal) {
      // A room that was closed or never was ours: sent again, the notification would be refused again.
      if (!(refusal instanceof Refusal)) throw refusal;
    }
    return { received: true };
  }
}

function read(body: Buffer): AgoraNotice {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new Problem('malformed_json');
  }
  const result = agoraNotice.safeParse(value);
  if (!result.success) throw new Problem('validation_failed');
  return result.data;
}
