import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, CqrsModule } from '@nestjs/cqrs';
import type { CommandMessage } from '#domain/kernel/command.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import { UnknownCommand, type CommandContext, type CommandResult, type CommandSender } from './commands.ts';

/** On the bus: a command that an aggregate decides on. */
export class DispatchCommand extends Command<CommandResult> {
  constructor(
    readonly message: CommandMessage,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** On the bus: a command that touches the outside world. */
export class RunEffect extends Command<void> {
  constructor(
    readonly message: CommandMessage,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Runs one type of effect. It checks the data itself and must bear being run again. */
export type EffectRunner = (message: CommandMessage, context: CommandContext) => Promise<void>;

/** The effects of the system by type. Filled when the system is put together, because effects themselves send commands. */
@Injectable()
export class EffectRunners {
  readonly #runners = new Map<string, EffectRunner>();

  /** Throws when the type is taken. */
  register(type: string, runner: EffectRunner): void {
    if (this.#runners.has(type)) throw new Error(`Two effects have the type ${type}`);
    this.#runners.set(type, runner);
  }

  get(type: string): EffectRunner | undefined {
    return this.#runners.get(type);
  }
}

@CommandHandler(DispatchCommand)
export class DispatchCommandHandler {
  constructor(@Inject(Aggregates) private readonly aggregates: Aggregates) {}

  execute({ message, context }: DispatchCommand): Promise<CommandResult> {
    return this.aggregates.execute(message, context);
  }
}

@CommandHandler(RunEffect)
export class RunEffectHandler {
  constructor(@Inject(EffectRunners) private readonly runners: EffectRunners) {}

  async execute({ message, context }: RunEffect): Promise<void> {
    const run = this.runners.get(message.type);
    if (run === undefined) throw new UnknownCommand(message.type);
    await run(message, context);
  }
}

/** Sends commands over the bus, to the aggregate or to the effect that takes them. */
@Injectable()
export class Commands implements CommandSender {
  constructor(
    @Inject(CommandBus) private readonly bus: CommandBus,
    @Inject(Aggregates) private readonly aggregates: Aggregates,
  ) {}

  send(message: CommandMessage, context: CommandContext): Promise<CommandResult> {
    return this.aggregates.takes(message.type) ? this.bus.execute(new DispatchCommand(message, context)) : this.#run(message, context);
  }

  async #run(message: CommandMessage, context: CommandContext): Promise<CommandResult> {
    await this.bus.execute(new RunEffect(message, context));
    return { id: context.commandId, revision: -1, position: '0', events: [] };
  }
}

/** The command side as a module: give it the aggregates, inject {@link Commands}. */
@Module({})
export class CommandsModule {
  static forRoot(aggregates: Aggregates): DynamicModule {
    return {
      module: CommandsModule,
      global: true,
      imports: [CqrsModule.forRoot()],
      providers: [{ provide: Aggregates, useValue: aggregates }, EffectRunners, DispatchCommandHandler, RunEffectHandler, Commands],
      exports: [Aggregates, EffectRunners, Commands],
    };
  }
}
