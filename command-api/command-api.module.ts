import { Module } from '@nestjs/common';

/** The public side of the commands: what port 3000 serves. Stores, adapters and the bus are injected from the process's platform. */
@Module({
  controllers: [],
  providers: [],
})
export class CommandApiModule {}

/** The internal side of the commands: what port 3001 serves to signed requests. */
@Module({
  controllers: [],
  providers: [],
})
export class InternalCommandApiModule {}
