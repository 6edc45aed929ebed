import { deepStrictEqual, fail } from 'node:assert/strict';
import type { z } from 'zod';
import type { Actor, Command, CommandDefinition, CommandMessage } from './command.ts';
import { SYSTEM } from './command.ts';
import type { Change, EventMap, Notice, Notices, ProcessManager, Reaction, ReadModel } from './consumer.ts';
import type { Decider } from './decider.ts';
import { fold } from './decider.ts';
import type { DomainEvent, RecordedEvent } from './event.ts';
import { followUpId, streamOf } from './ids.ts';
import { Refusal, type RefusalClass } from './refusal.ts';
import type { Instant } from './time.ts';

/** The moment at which specs happen unless they say otherwise: a Monday. */
export const MONDAY_NOON: Instant = '2026-11-23T12:00:00.000Z';

/** Circumstances of a command in a spec. */
export interface Circumstances<F extends object> {
  readonly by?: Actor;
  readonly at?: Instant;
  readonly facts?: F;
}

interface Outcome<E> {
  /** These events and no others. */
  then(...expected: readonly E[]): void;
  /** Refused, by the name of the rule; with these details when they are given. */
  refused(expected: RefusalClass, details?: object): void;
  /** Nothing to do: it is so already. */
  alreadySo(): void;
}

/**
 * The spec of one decision: given past events, when a command, then events, a refusal or nothing.
 * Past events, command data, facts and outcome are checked against their schemas too.
 * @example given(connectionRequest, sent).when(acceptConnection, { connectionRequestId }, { by: tutor }).then(accepted)
 */
export function given<S, C extends Command, E extends DomainEvent>(decider: Decider<S, C, E>, ...past: readonly E[]) {
  for (const event of past) checkEvent(decider, event);
  return {
    when<T extends C['type'], D extends z.ZodType<object>, F extends z.ZodType<object>>(
      definition: CommandDefinition<T, D, F>,
      data: z.input<D>,
      circumstances: Circumstances<z.output<F>> = {},
    ): Outcome<E> {
      if (!decider.commands.some((known) => known.type === definition.type))
        fail(`${decider.aggregateType} does not list the command ${definition.type}`);
      const command = {
        type: definition.type,
        data: definition.data.parse(data),
        facts: definition.facts === undefined ? {} : definition.facts.parse(circumstances.facts),
        at: circumstances.at ?? MONDAY_NOON,
        by: circumstances.by ?? SYSTEM,
      } as unknown as C;
      const state = fold(decider, past);
      const decide = () => {
        const events = decider.decide(command, state);
        for (const event of events) checkEvent(decider, event);
        fold(decider, events, state);
        return events;
      };
      return {
        then: (...expected) => deepStrictEqual(decide(), expected),
        alreadySo: () => deepStrictEqual(decide(), []),
        refused: (expected, details) => {
          if (!decider.refusals.includes(expected)) fail(`${decider.aggregateType} does not list the refusal ${expected.name}`);
          let events: readonly E[];
          try {
            events = decide();
          } catch (refusal) {
            if (!(refusal instanceof Refusal)) throw refusal;
            deepStrictEqual(refusal.name, expected.name);
            if (details !== undefined) deepStrictEqual(refusal.details, details);
            return;
          }
          fail(`expected ${expected.name}, but it was allowed: ${JSON.stringify(events)}`);
        },
      };
    },
  };
}

function checkEvent(decider: { aggregateType: string; events: Decider['events'] }, event: DomainEvent): void {
  const definition = decider.events.find((known) => known.type === event.type);
  if (definition === undefined) fail(`${decider.aggregateType} does not list the event ${event.type}`);
  deepStrictEqual(definition.schema.parse(event.data), event.data, `${event.type} does not fit its schema exactly`);
}

/**
 * An event as consumers are given it, for specs of projections, process managers and notices.
 * Position and revision count up from `nth`; ids follow from the event's place, so a spec reads the same every time.
 */
export function recorded<E extends DomainEvent>(
  event: E,
  place: { aggregateType: string; aggregateId: string; nth?: number; at?: Instant; by?: Actor },
): RecordedEvent<E> {
  const { aggregateType, aggregateId, nth = 0, at = MONDAY_NOON, by = SYSTEM } = place;
  const id = followUpId('recorded', aggregateType, aggregateId, String(nth), event.type);
  return {
    id,
    type: event.type,
    data: event.data,
    version: '1.0',
    stream: streamOf(aggregateType, aggregateId),
    aggregateType,
    aggregateId,
    revision: nth,
    position: BigInt(1000 + nth),
    at,
    metadata: {
      eventVersion: '1.0',
      aggregateType,
      aggregateId,
      timestamp: at,
      source: 'spec',
      commandId: followUpId('command', id),
      commandType: 'Spec',
      correlationId: followUpId('correlation', id),
      causationId: followUpId('cause', id),
      role: by.role,
      ...(by.userId === undefined ? {} : { userId: by.userId }),
    },
  };
}

function reactionsOf<R>(
  on: Readonly<Record<string, ((event: RecordedEvent<never>) => R | readonly R[]) | undefined>>,
  event: RecordedEvent,
): readonly R[] {
  const result = on[event.type]?.(event as RecordedEvent<never>);
  if (result === undefined) return [];
  return Array.isArray(result) ? (result as readonly R[]) : [result as R];
}

/** Given events, then the rows of a read model, by key. Applies the changes as the engine does. */
export function rowsAfter<R extends object, M extends EventMap>(
  model: ReadModel<R, M>,
  ...events: readonly RecordedEvent[]
): Readonly<Record<string, R>> {
  const rows = new Map<string, R>();
  for (const event of events) {
    for (const change of reactionsOf<Change<R>>(model.on as never, event)) applyChange(rows, change);
  }
  return Object.fromEntries(rows);
}

/** Applies one change to rows held in memory. */
export function applyChange<R extends object>(rows: Map<string, R>, change: Change<R>): void {
  switch (change.kind) {
    case 'put':
      rows.set(change.key, change.row);
      return;
    case 'change': {
      const row = rows.get(change.key);
      if (row !== undefined) rows.set(change.key, change.apply(row));
      return;
    }
    case 'remove':
      rows.delete(change.key);
  }
}

/** Given an event, then the reactions of a process manager. */
export function reactionsTo(manager: ProcessManager, event: RecordedEvent): readonly Reaction[] {
  return reactionsOf<Reaction>(manager.on, event);
}

/** Given an event, then the frames that people receive. */
export function noticesOf<M extends EventMap>(notices: Notices<M>, event: RecordedEvent): readonly Notice[] {
  return reactionsOf<Notice>(notices.on as never, event);
}

/** Shortens the expectation of a reaction: the message of its command. */
export function messageOf(reaction: Reaction): CommandMessage {
  return reaction.command;
}
