import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorAct } from '#infra/operations/acts.ts';
import { changeBy } from '#infra/operations/operations.ts';
import type { OperationsRecord } from '#infra/operations/record.ts';
import { changed, type Changes, changesOnRecord, NO_CHANGES } from './changes.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Outbox } from './outbox.ts';
import type { ChangedRow, NewRow } from './new-rows.ts';

export interface DeskParts {
  /** Without it nobody can ask for anything. */
  readonly record: OperationsRecord | undefined;
  readonly outbox: Outbox;
  /** Whether a manager has taken in the log up to a position. */
  readonly hasPassed: (manager: string, position: bigint) => boolean;
  readonly onError: (error: unknown) => void;
}

type ReactionAct = Extract<OperatorAct, { data: { reactionId: string } }>;

const GROUP = 'process-managers';
const LOOK_EVERY_MS = 250;

/** Carries out what operators ask for, in the order in which it was asked, in the process that leads the process managers. */
export class Desk {
  readonly #parts: DeskParts;
  readonly #stopping = new AbortController();
  #changes: Changes = NO_CHANGES;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** What operators have put in the place of reactions. */
  get changes(): Changes {
    return this.#changes;
  }

  /** New rows as operators want them. */
  changed(rows: readonly NewRow[]): readonly ChangedRow[] {
    return this.#changes.size === 0 ? rows : rows.map((row) => changed(row, this.#changes));
  }

  /** Goes on looking until it is stopped. */
  start(dispatcher: Dispatcher): void {
    this.#looking = this.#run(dispatcher);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  async #run(dispatcher: Dispatcher): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.look(dispatcher).catch(this.#parts.onError);
    }
  }

  /** Carries out what has been asked for up to now, but for what concerns a reaction that is being tried at the moment. */
  async look(dispatcher: Dispatcher): Promise<void> {
    const { record } = this.#parts;
    if (record === undefined) return;
    const state = await record.read(GROUP);
    this.#changes = changesOnRecord(state);
    const waiting = new Set<string>();
    for (const act of Object.values(state.open)) {
      // One after the other for each reaction.
      if (!isOfReaction(act) || waiting.has(act.data.reactionId)) continue;
      const outcome = await this.#carryOut(act, dispatcher);
      if (outcome === undefined) waiting.add(act.data.reactionId);
      else await record.conclude(GROUP, { actId: act.data.actId, ...outcome });
    }
  }

  /** Undefined when it has to be done later. */
  async #carryOut(act: ReactionAct, dispatcher: Dispatcher): Promise<{ state: 'done' | 'failed'; outcome: string } | undefined> {
    const { outbox, hasPassed } = this.#parts;
    const { reactionId, actId, manager, position } = act.data;
    const passed = hasPassed(manager, BigInt(position));
    const row = await outbox.standing(reactionId);
    if (row === undefined) return passed ? { state: 'failed', outcome: 'There is no such reaction any more.' } : undefined;
    if (row.acted_by === actId) return { state: 'done', outcome: DONE[act.type] };
    const letGo = dispatcher.hold({ ...row, id: reactionId });
    if (letGo === undefined) return undefined;
    try {
      const done = await outbox.act(reactionId, actId, changeBy(act, undefined));
      return done
        ? { state: 'done', outcome: DONE[act.type] }
        : { state: 'failed', outcome: 'The reaction has ended, or is under way without trouble.' };
    } finally {
      letGo();
    }
  }
}

const DONE: Readonly<Record<ReactionAct['type'], string>> = {
  ReactionRetryRequested: 'is tried again',
  ReactionEditRequested: 'is tried again with the new data',
  ReactionSkipRequested: 'given up; what waited behind it goes on',
  ReactionCompensationRequested: 'the other command is sent in its place',
};

function isOfReaction(act: OperatorAct): act is ReactionAct {
  return 'reactionId' in act.data;
}
