import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { AgoraRooms } from '#infra/adapters/agora/rooms.ts';
import { AgoraTokens } from '#infra/adapters/agora/tokens.ts';
import { UserPool } from '#infra/adapters/cognito/user-pool.ts';
import { FileStore } from '#infra/adapters/s3/file-store.ts';
import { Mailer } from '#infra/adapters/ses/mailer.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import { Codec } from '#infra/event-store/codec.ts';
import { EventStoreClient } from '#infra/event-store/client.ts';
import { CLOCK, CONFIG, LOG } from '#infra/http/injection.ts';
import { OperationsRecord } from '#infra/operations/record.ts';
import { Database } from '#infra/postgres/database.ts';
import type { Foundation } from './foundation.ts';

/** Gives the foundation to whatever Nest injects; `extra` adds what a server has of its own. */
@Module({})
export class PlatformModule {
  static of(foundation: Foundation, extra: readonly Provider[] = []): DynamicModule {
    const { stripe, mailer, files, userPool, rooms, roomTokens } = foundation.adapters;
    const providers: Provider[] = [
      { provide: CLOCK, useValue: foundation.clock },
      { provide: CONFIG, useValue: foundation.config },
      { provide: LOG, useValue: foundation.log },
      { provide: Database, useValue: foundation.database },
      { provide: EventStoreClient, useValue: foundation.eventStore },
      { provide: Codec, useValue: foundation.codec },
      { provide: OperationsRecord, useValue: foundation.record },
      { provide: StripePayments, useValue: stripe },
      { provide: Mailer, useValue: mailer },
      { provide: FileStore, useValue: files },
      { provide: UserPool, useValue: userPool },
      { provide: AgoraRooms, useValue: rooms ?? null },
      { provide: AgoraTokens, useValue: roomTokens },
      { provide: Tickets, useValue: new Tickets(foundation.database) },
      ...extra,
    ];
    return { module: PlatformModule, global: true, providers, exports: providers };
  }
}
