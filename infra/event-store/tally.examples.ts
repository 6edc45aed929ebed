import { z } from 'zod';
import type { Actor } from '#domain/kernel/command.ts';
import { defineCommand, type CommandOf } from '#domain/kernel/command.ts';
import { unreachable, type AnyDecider, type Decider } from '#domain/kernel/decider.ts';
import { defineEvent, event, type EventOf } from '#domain/kernel/event.ts';
import { of, provideFacts } from '#domain/kernel/facts.ts';
import { followUpId, uuid } from '#domain/kernel/ids.ts';
import { Refusal } from '#domain/kernel/refusal.ts';
import type { CommandContext } from '#infra/cqrs/commands.ts';

// An aggregate that exists for the engine's specs: it counts, remembers words of a person, and looks at other tallies.
export const added = defineEvent('TallyAdded', {
  sentence: 'An amount was added.',
  schema: z.object({ tallyId: uuid, amount: z.number().int(), authorId: uuid.optional(), note: z.string().optional() }),
  personal: { note: 'authorId' },
});
export const closed = defineEvent('TallyClosed', { sentence: 'No more is added.', schema: z.object({ tallyId: uuid }) });

const events = [added, closed] as const;
type TallyEvent = EventOf<typeof events>;

const target = z.object({ tallyId: uuid });
export const add = defineCommand('AddToTally', {
  sentence: 'Add an amount.',
  data: target.extend({ amount: z.number().int().min(1).max(1000), authorId: uuid.optional(), note: z.string().optional() }),
});
export const addOneByOne = defineCommand('AddOneByOne', {
  sentence: 'Add one, so often.',
  data: target.extend({ times: z.number().int() }),
});
export const close = defineCommand('CloseTally', { sentence: 'Close it.', data: target });
export const follow = defineCommand('FollowTally', {
  sentence: 'Add what another tally has.',
  data: target.extend({ otherId: uuid }),
  facts: z.object({ otherTotal: z.number() }),
});
const commands = [add, addOneByOne, close, follow] as const;

export class TallyIsClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tally is closed.';
}
export class NothingToFollow extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The other tally is empty.';
}

export interface TallyState {
  readonly total: number;
  readonly closed: boolean;
  readonly notes: readonly string[];
}

function decide(command: CommandOf<typeof commands>, state: TallyState): readonly TallyEvent[] {
  if (command.type === 'CloseTally') return state.closed ? [] : [event(closed, command.data)];
  if (state.closed) throw new TallyIsClosed();
  const { tallyId } = command.data;
  switch (command.type) {
    case 'AddToTally':
      return [event(added, command.data)];
    case 'AddOneByOne':
      return Array.from({ length: command.data.times }, () => event(added, { tallyId, amount: 1 }));
    case 'FollowTally':
      if (command.facts.otherTotal === 0) throw new NothingToFollow();
      return [event(added, { tallyId, amount: command.facts.otherTotal })];
    default:
      return unreachable(command);
  }
}

function evolve(state: TallyState, happened: TallyEvent): TallyState {
  switch (happened.type) {
    case 'TallyAdded': {
      const { amount, note } = happened.data;
      return { ...state, total: state.total + amount, notes: note === undefined ? state.notes : [...state.notes, note] };
    }
    case 'TallyClosed':
      return { ...state, closed: true };
  }
}

export const tally: Decider<TallyState, CommandOf<typeof commands>, TallyEvent> = {
  aggregateType: 'Tally',
  context: 'lessons',
  idField: 'tallyId',
  stateVersion: 1,
  commands,
  events,
  refusals: [TallyIsClosed, NothingToFollow],
  initial: { total: 0, closed: false, notes: [] },
  decide,
  evolve,
};

export const tallyDeciders: readonly AnyDecider[] = [tally as unknown as AnyDecider];
export const tallyFacts = [
  provideFacts(follow, tally, {
    reads: ({ otherId }) => ({ other: of(tally, otherId) }),
    facts: ({ other }) => ({ otherTotal: other.total }),
  }),
];

export const ANNA: Actor = { role: 'student', userId: '01939a00-0000-7000-8000-00000000000a' };

/** The circumstances of a command, the same for the same name. */
export function contextOf(name: string, more: Partial<CommandContext> = {}): CommandContext {
  const commandId = followUpId('spec command', name);
  return { commandId, correlationId: followUpId('spec correlation', name), causationId: commandId, source: 'spec', by: ANNA, ...more };
}
