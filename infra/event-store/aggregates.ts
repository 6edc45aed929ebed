import type { Command, CommandDefinition, CommandMessage } from '#domain/kernel/command.ts';
import type { AnyDecider, Decider } from '#domain/kernel/decider.ts';
import type { DomainEvent, EventMetadata, RecordedEvent } from '#domain/kernel/event.ts';
import type { FactProvider } from '#domain/kernel/facts.ts';
import { followUpId, streamOf } from '#domain/kernel/ids.ts';
import type { Instant } from '#domain/kernel/time.ts';
import { InvalidCommand, UnknownCommand, type CommandContext, type CommandResult } from '#infra/cqrs/commands.ts';
import type { Clock } from '#infra/time/clock.ts';
import type { Vault } from '#infra/vault/vault.ts';
import type { StreamStore } from './client.ts';
import type { Codec, EncodedEvent } from './codec.ts';
import { backOff, pause } from './connection.ts';
import { WrongRevision } from './errors.ts';
import { foldable, foldFurther, unfolded, type Folded } from './folded.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { Snapshots } from './snapshots.ts';
import { LONG_STREAM, States } from './states.ts';

export interface AggregatesOptions {
  /** Aggregates kept in memory; default 10,000. */
  readonly kept?: number;
  /** How often a command is decided again after a conflict before {@link WrongRevision} is thrown; default 8. */
  readonly conflictRetries?: number;
  /** Events after which a long stream gets a new snapshot; default 200. */
  readonly snapshotEvery?: number;
  /** Hears of snapshots that could not be stored or opened; nothing depends on them. */
  readonly onSnapshotFailure?: (error: unknown, stream: string) => void;
}

interface Parts {
  readonly deciders: readonly AnyDecider[];
  readonly factProviders: readonly FactProvider[];
  readonly client: StreamStore;
  readonly codec: Codec;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly options?: AggregatesOptions;
}

interface Route {
  readonly decider: AnyDecider;
  readonly definition: CommandDefinition;
  readonly provider: FactProvider | undefined;
}

/** One command on its way: what does not change between attempts. */
interface Dispatch extends Route {
  readonly stream: string;
  readonly id: string;
  readonly data: object;
  readonly at: Instant;
  readonly context: CommandContext;
}

/** What a decision came to, and which facts it was made on. */
interface Decision {
  readonly events: readonly DomainEvent[];
  readonly facts: object;
}

const NO_FACTS = {};
const NOTHING: Decision = { events: [], facts: NO_FACTS };

/** Part of an aggregate's history. */
export interface HistoryPart {
  /** First revision, default 0. */
  readonly fromRevision?: number;
  /** Most events, default 100. */
  readonly limit?: number;
}

/**
 * Executes commands: load, fold, gather facts, decide, append at the revision that was decided on. States stay in memory, so the usual command costs one
 * append and that append is the check. Commands for one aggregate run after each other in this process; against other
 * processes the store decides, and the loser decides again on the new state. Other processes always may append, operators' commands on the embedded
 * system too, so what no append checks is based on a read made for the command: facts about other aggregates, a refusal, nothing to do.
 */
export class Aggregates {
  readonly #routes = new Map<string, Route>();
  readonly #deciders = new Map<string, AnyDecider>();
  readonly #queue = new KeyedQueue();
  /** Types of commands that begin an aggregate: a stream not in memory is taken for empty then, and the append checks that. Learnt. */
  readonly #beginners = new Set<string>();
  readonly #client: StreamStore;
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #snapshots: Snapshots;
  readonly #states: States;
  readonly #options: Required<AggregatesOptions>;

  constructor(parts: Parts) {
    this.#client = parts.client;
    this.#codec = parts.codec;
    this.#clock = parts.clock;
    this.#options = {
      kept: 10_000,
      conflictRetries: 8,
      snapshotEvery: LONG_STREAM,
      onSnapshotFailure: () => undefined,
      ...parts.options,
    };
    this.#snapshots = new Snapshots(parts.client, parts.vault, this.#options.onSnapshotFailure);
    this.#states = new States({ client: parts.client, codec: parts.codec, snapshots: this.#snapshots, capacity: this.#options.kept });
    parts.vault.onDestroy((subjectId) => this.forget(subjectId));
    const providers = new Map(parts.factProviders.map((provider) => [provider.command, provider]));
    for (const decider of parts.deciders) {
      this.#deciders.set(decider.aggregateType, decider);
      for (const definition of decider.commands) {
        if (this.#routes.has(definition.type)) throw new Error(`Two aggregates take the command ${definition.type}`);
        this.#routes.set(definition.type, { decider, definition, provider: providers.get(definition.type) });
      }
    }
  }

  /**
   * Executes a command once: the same command id again appends nothing and gets the first result. Throws the refusal, {@link InvalidCommand},
   * {@link UnknownCommand}, {@link WrongRevision} after too many conflicts, and the errors of {@link EventStoreClient.append}.
   */
  execute(message: CommandMessage, context: CommandContext): Promise<CommandResult> {
    const route = this.#routes.get(message.type);
    if (route === undefined) return Promise.reject(new UnknownCommand(message.type));
    const parsed = route.definition.data.safeParse(message.data);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(({ path, message: rule }) => ({ path: path.join('.'), message: rule }));
      return Promise.reject(new InvalidCommand({ issues }));
    }
    const id = (parsed.data as Readonly<Record<string, unknown>>)[route.decider.idField];
    if (typeof id !== 'string') return Promise.reject(new Error(`${message.type} has no ${route.decider.idField}`));
    const stream = streamOf(route.decider.aggregateType, id);
    const dispatch: Dispatch = { ...route, stream, id, data: parsed.data, at: context.at ?? this.#clock.now(), context };
    return this.#queue.run(stream, () => this.#executed(dispatch));
  }

  /** The state of an aggregate and its revision (-1 when it has no events); everything that was in the stream when it was called. */
  async load<S, C extends Command, E extends DomainEvent>(decider: Decider<S, C, E>, id: string): Promise<{ state: S; revision: number }> {
    const folded = await this.#states.upToDate(decider as unknown as AnyDecider, streamOf(decider.aggregateType, id));
    return { state: folded.state as S, revision: folded.revision };
  }

  /** A part of an aggregate's history, oldest first; none for an aggregate or a type that does not exist. */
  async history(aggregateType: string, id: string, part: HistoryPart = {}): Promise<RecordedEvent[]> {
    if (!this.#deciders.has(aggregateType)) return [];
    const { fromRevision: from = 0, limit = 100 } = part;
    return this.#codec.decode(await this.#client.read(streamOf(aggregateType, id), { from, limit }));
  }

  /** Drops from memory what may hold personal data of a subject. Called by itself when the vault of this process destroys a key. */
  forget(subjectId: string): void {
    this.#states.forget(subjectId);
  }

  async #executed(dispatch: Dispatch): Promise<CommandResult> {
    const { decider, stream, context, provider } = dispatch;
    const { type } = dispatch.definition;
    let known = this.#states.cached(stream);
    let fresh = false;
    if (known === undefined && this.#beginners.has(type)) known = unfolded(decider);
    if (known === undefined) {
      known = await this.#states.upToDate(decider, stream);
      fresh = true;
    }
    for (let conflicts = 0; ;) {
      const before = known.outcomes.get(context.commandId);
      if (before !== undefined) return this.#firstResult(dispatch, before);
      let decision: Decision = NOTHING;
      let refusal: unknown;
      try {
        decision = provider === undefined ? decide(dispatch, known, NO_FACTS) : await this.#decideOnFacts(dispatch, provider, known);
      } catch (error) {
        refusal = error;
      }
      if (decision.events.length === 0) {
        // No append will check what this was based on: look first whether it is still so.
        if (!fresh) {
          const revision: number = known.revision;
          known = await this.#states.upToDate(decider, stream);
          fresh = true;
          if (known.revision !== revision) continue;
        }
        if (refusal !== undefined) throw refusal;
        return { id: dispatch.id, revision: known.revision, position: known.position.toString(), events: [] };
      }
      try {
        const result = await this.#append(dispatch, known, decision);
        if (known.revision < 0) this.#beginners.add(type);
        return result;
      } catch (error) {
        if (!(error instanceof WrongRevision)) {
          // Perhaps it was written: whoever comes next must look.
          this.#states.drop(stream);
          throw error;
        }
        if (known.unread) this.#beginners.delete(type);
        if (++conflicts > this.#options.conflictRetries) throw error;
        if (conflicts > 1) await pause(backOff(conflicts - 1, 200));
        known = await this.#states.upToDate(decider, stream);
        fresh = true;
      }
    }
  }

  async #decideOnFacts(dispatch: Dispatch, provider: FactProvider, known: Folded): Promise<Decision> {
    const states: Record<string, unknown> = {};
    const reads = Object.entries(provider.reads(dispatch.data, known.state));
    await Promise.all(
      reads.map(async ([name, read]) => {
        states[name] =
          read === undefined ? undefined : (await this.#states.upToDate(read.decider, streamOf(read.decider.aggregateType, read.id))).state;
      }),
    );
    return decide(dispatch, known, provider.facts(states, dispatch.data));
  }

  async #append(dispatch: Dispatch, known: Folded, { events, facts }: Decision): Promise<CommandResult> {
    const { decider, stream, id, at, context } = dispatch;
    const metadata = events.map((event) => this.#metadataOf(dispatch, event));
    // The store takes events of known ids for the ones it has, whatever is in them. So what a decision depends on beside the command
    // and the revision is part of the ids: the same command decided differently elsewhere is then a conflict, and gets the first result.
    const basis = dispatch.definition.facts === undefined ? at : at + JSON.stringify(facts);
    const encoded: EncodedEvent[] = [];
    for (const [i, event] of events.entries())
      encoded.push(await this.#codec.encode(followUpId('event', context.commandId, String(i), basis), event, metadata[i]!));
    const appended = await this.#client.append(
      stream,
      encoded.map((event) => event.stored),
      known.revision < 0 ? 'no_stream' : known.revision,
    );
    const position = appended.position ?? (await this.#positionOf(stream, appended.revision));
    const recorded = encoded.map((event, i) => recordedFrom(event, metadata[i]!, stream, known.revision + 1 + i, position));
    const folded = foldFurther(
      decider,
      known,
      recorded.map((event) => foldable(event, this.#codec.subjectsOf(event))),
    );
    this.#states.keep(stream, this.#snapshot(decider, stream, folded));
    return { id, revision: folded.revision, position: position.toString(), events: recorded };
  }

  #metadataOf({ decider, definition, id, at, context }: Dispatch, event: DomainEvent): EventMetadata {
    const { by, reason, source, commandId, correlationId, causationId } = context;
    const metadata: { -readonly [F in keyof EventMetadata]: EventMetadata[F] } = {
      eventVersion: this.#codec.versionOf(event.type),
      aggregateType: decider.aggregateType,
      aggregateId: id,
      timestamp: at,
      source,
      commandId,
      commandType: definition.type,
      correlationId,
      causationId,
      role: by.role,
    };
    if (by.userId !== undefined) metadata.userId = by.userId;
    if (by.actingFor !== undefined) metadata.actingFor = by.actingFor;
    if (reason !== undefined) metadata.reason = reason;
    return metadata;
  }

  async #firstResult({ id, stream }: Dispatch, { first, last }: { first: number; last: number }): Promise<CommandResult> {
    const events = await this.#codec.decode(await this.#client.read(stream, { from: first, limit: last - first + 1 }));
    return { id, revision: last, position: events.at(-1)!.position.toString(), events };
  }

  async #positionOf(stream: string, revision: number): Promise<bigint> {
    const [event] = await this.#client.read(stream, { from: revision, limit: 1 });
    return event?.position?.commit ?? 0n;
  }

  /** Stores a snapshot in the background when enough has happened since the last one; a lost one costs reading only. */
  #snapshot(decider: AnyDecider, stream: string, folded: Folded): Folded {
    if (folded.revision + 1 < LONG_STREAM || folded.revision - folded.snapshotAt < this.#options.snapshotEvery) return folded;
    this.#snapshots.save(decider, stream, folded).catch((error: unknown) => this.#options.onSnapshotFailure(error, stream));
    return { ...folded, snapshotAt: folded.revision };
  }
}

function decide({ definition, provider, decider, data, at, context }: Dispatch, known: Folded, facts: object): Decision {
  if (definition.facts !== undefined && provider === undefined) throw new Error(`Nothing provides the facts of ${definition.type}`);
  return { events: decider.decide({ type: definition.type, data, facts, at, by: context.by }, known.state), facts };
}

function recordedFrom(event: EncodedEvent, metadata: EventMetadata, stream: string, revision: number, position: bigint): RecordedEvent {
  const { aggregateType, aggregateId, timestamp, eventVersion } = metadata;
  const { id, type } = event.stored;
  return {
    id,
    type,
    data: event.data,
    version: eventVersion,
    stream,
    aggregateType,
    aggregateId,
    revision,
    position,
    at: timestamp,
    metadata,
  };
}
