import { Module } from '@nestjs/common';
import { TicketController } from './ticket.controller.ts';

/** The HTTP side of realtime: tickets. The gateway itself is attached to the server. */
@Module({ controllers: [TicketController] })
export class RealtimeModule {}
