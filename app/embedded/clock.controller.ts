import { Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { z } from 'zod';
import { Body, Endpoint } from '#infra/http/endpoint.ts';
import { CLOCK } from '#infra/http/injection.ts';
import { MovableClock } from '#infra/time/clock.ts';

const reading = z.object({ now: z.iso.datetime(), aheadMs: z.number().int().describe('Milliseconds ahead of the real time.') });
const target = z.object({ to: z.iso.datetime({ precision: 3 }).describe('The moment to move to; one that has passed moves nothing.') });

/** Moves the business clock of an embedded system forward, so that a rule of 24 hours can be seen in a minute. Production has no such thing. */
@Controller('internal/clock')
export class ClockController {
  constructor(@Inject(CLOCK) private readonly clock: MovableClock) {}

  @Get()
  @Endpoint({ summary: 'What time it is for the business.', actors: ['internal', 'admin'], response: reading })
  read(): z.output<typeof reading> {
    return { now: this.clock.now(), aheadMs: this.clock.offset };
  }

  @Post()
  @Endpoint({ summary: 'Move the business clock forward.', actors: ['internal', 'admin'], body: target, response: reading, status: 200 })
  move(@Body() { to }: z.output<typeof target>): z.output<typeof reading> {
    if (to > this.clock.now()) this.clock.moveTo(to);
    return this.read();
  }
}

@Module({ controllers: [ClockController] })
export class ClockModule {}
