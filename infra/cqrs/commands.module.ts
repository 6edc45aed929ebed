import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, CqrsModule, type ICommandPublisher } from '@nestjs/cqrs';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import type { CommandContext, CommandResult, CommandSender } from './commands.ts';

/** On the bus: a command that an aggregate decides on. */
class DispatchCommand extends Command<CommandResult> {
  constructor(
    readonly message: CommandMessage,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(DispatchCommand)
class DispatchCommandHandler {
  constructor(@Inject(Aggregates) private readonly aggregates: Aggregates) {}

  execute({ message, context }: DispatchCommand): Promise<CommandResult> {
    return this.aggregates.execute(message, context);
  }
}

/** Sends commands over the bus. */
@Injectable()
export class Commands implements CommandSender {
  constructor(@Inject(CommandBus) private readonly bus: CommandBus) {}

  send(message: CommandMessage, context: CommandContext): Promise<CommandResult> {
    return this.bus.execute(new DispatchCommand(message, context));
  }
}

/** The bus also emits every command to whoever subscribes to it. Nobody does: what follows from a command follows from its events. */
const NOBODY_LISTENS: ICommandPublisher = { publish: () => undefined };

/** The command side as a module: give it the aggregates, inject {@link Commands}. */
@Module({})
export class CommandsModule {
  static forRoot(aggregates: Aggregates): DynamicModule {
    return {
      module: CommandsModule,
      global: true,
      imports: [CqrsModule.forRoot({ commandPublisher: NOBODY_LISTENS })],
      providers: [{ provide: Aggregates, useValue: aggregates }, DispatchCommandHandler, Commands],
      exports: [Aggregates, Commands],
    };
  }
}
