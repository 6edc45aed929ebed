import { setTimeout as delay } from 'node:timers/promises';
import { v7 as newId } from 'uuid';
import { command, SYSTEM, type CommandDefinition, type CommandMessage } from '#domain/kernel/command.ts';
import type { z } from 'zod';
import type { RecordedEvent } from '#domain/kernel/event.ts';
import type { CommandContext, CommandResult } from '#infra/cqrs/commands.ts';
import { reasonOf } from '#infra/postgres/reason.ts';
import { noteActDone, noteActFailed, type Group } from './acts.ts';
import { actsOf, type ActOnRecord } from './history.ts';
import { operations, type ConcludedAct, type OperationsState } from './operations.ts';

/** Who acts and why: stored with every act. */
export interface Operator {
  /** The operator's user id, or the name of the account that runs the command line. */
  readonly who: string;
  readonly why: string;
  /** The circumstances of the request, when it came over HTTP: the same request again is the same act. */
  readonly context?: CommandContext;
}

/** An act on record. */
export interface AskedAct {
  readonly id: string;
  readonly group: Group;
  /** Of the event that says that it was asked for. */
  readonly revision: number;
  readonly position: string;
}

/** What is asked for, without who and why. */
type Asking<D extends z.ZodType<object>> = Omit<z.input<D>, 'group' | 'actId' | 'who' | 'why'>;

/** An operator has to say who acts and why. */
export class WhoAndWhyNeeded extends Error {
  constructor() {
    super('An act needs who does it and why.');
    this.name = 'WhoAndWhyNeeded';
  }
}

const LOOK_EVERY_MS = 100;

/**
 * The record of what operators ask of the engines: a stream of the log for each group of consumers. An act is on record before anything comes of it;
 * the process that leads the group carries it out, once, and notes what came of it.
 */
export class OperationsRecord {
  constructor(
    private readonly aggregates: {
      execute(message: CommandMessage, context: CommandContext): Promise<CommandResult>;
      load(decider: typeof operations, group: string): Promise<{ state: OperationsState; revision: number }>;
      history(aggregateType: string, id: string, part: { fromRevision: number; limit: number }): Promise<readonly RecordedEvent[]>;
    },
  ) {}

  /** Everything that was on record when it was called. */
  async read(group: Group): Promise<OperationsState> {
    return (await this.aggregates.load(operations, group)).state;
  }

  /** Puts an act on record. Throws {@link WhoAndWhyNeeded}, and what the event store throws. */
  async ask<D extends z.ZodType<object>>(
    { group, request }: { readonly group: Group; readonly request: CommandDefinition<string, D> },
    asking: Asking<D>,
    operator: Operator,
  ): Promise<AskedAct> {
    const who = operator.who.trim();
    const why = operator.why.trim();
    if (who === '' || why === '') throw new WhoAndWhyNeeded();
    const id = operator.context?.commandId ?? newId();
    const context = operator.context ?? {
      commandId: id,
      correlationId: id,
      causationId: id,
      source: 'operations',
      by: { role: 'internal' },
      reason: why,
    };
    const data = { ...asking, group, actId: id, who, why } as unknown as z.output<D>;
    const { revision, position } = await this.aggregates.execute(command(request, data), context);
    return { id, group, revision, position };
  }

  /**
   * Does what this process itself carries out, such as a rebuild: on record before, with what came of it after; `say` tells that. Throws what `work`
   * throws. What is done stays done when it cannot be put on record, which `unsaid` hears of.
   */
  async during<D extends z.ZodType<object>, T>(
    act: { readonly group: Group; readonly request: CommandDefinition<string, D> },
    asking: Asking<D>,
    operator: Operator,
    {
      work,
      say,
      unsaid,
    }: { readonly work: () => Promise<T>; readonly say: (result: T) => string; readonly unsaid: (error: unknown) => void },
  ): Promise<T> {
    const { id } = await this.ask(act, asking, operator);
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await this.conclude(act.group, { actId: id, state: 'failed', outcome: reasonOf(error) }).catch(unsaid);
      throw error;
    }
    await this.conclude(act.group, { actId: id, state: 'done', outcome: say(result) }).catch(unsaid);
    return result;
  }

  /** Notes what came of an act; nothing when that is on record already. */
  async conclude(group: Group, { actId, state, outcome }: ConcludedAct): Promise<void> {
    const message = command(state === 'done' ? noteActDone : noteActFailed, { group, actId, outcome: outcome.slice(0, 2_000) });
    await this.aggregates.execute(message, { commandId: newId(), correlationId: actId, causationId: actId, source: group, by: SYSTEM });
  }

  /** The acts of a group with what came of them, newest first. */
  async latest(group: Group, limit: number): Promise<ActOnRecord[]> {
    const { revision } = await this.aggregates.load(operations, group);
    if (revision < 0) return [];
    // Each act has two events at most.
    const from = Math.max(0, revision + 1 - 2 * limit);
    const events = await this.aggregates.history(operations.aggregateType, group, { fromRevision: from, limit: revision + 1 - from });
    return actsOf(events).reverse().slice(0, limit);
  }

  /** Waits for what comes of an act; undefined when nothing did within `timeoutMs`. */
  async outcomeOf({ group, id }: Pick<AskedAct, 'group' | 'id'>, timeoutMs: number): Promise<ConcludedAct | undefined> {
    for (const until = performance.now() + timeoutMs; ; await delay(LOOK_EVERY_MS)) {
      const found = (await this.read(group)).concluded.find(({ actId }) => actId === id);
      if (found !== undefined || performance.now() >= until) return found;
    }
  }
}
