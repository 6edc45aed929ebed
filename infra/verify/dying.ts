import { Life, type Side } from './life.ts';

export interface Dying {
  /** Runs a process for as long as its life lasts: whether it came to its end before. Afterwards nothing of it goes on. */
  readonly live: (life: Life) => Promise<'finished' | 'died'>;
  /** What is durable, as far as it means progress: the same text, the same state. */
  readonly state: () => Promise<string>;
  readonly side: Side;
}

/** More awaits than any step takes: whoever has made no progress by then makes none. */
const MOST_AWAITS = 300;

/**
 * Lets a process die after every await on its way. From each durable state that is reached, processes die after one answer more than the one
 * before, until one of them gets further; from there on again, and so to the end. So every await comes to be somebody's last where calls come one after
 * the other. Where they overlap, the nth answer is not the same one in each life, so one may be left out, and another in the next run; `Deeds` leaves
 * out none. What is shorter than starting up is tried at the beginning only: it changes nothing, so it would be the same again. Answers how many lives
 * it took. Throws when nothing more happens.
 */
export async function dieAfterEveryAwait({ live, state, side }: Dying): Promise<number> {
  let awaits = 1;
  let before = await state();
  for (let lives = 1; ; lives++) {
    if ((await live(new Life(awaits, side))) === 'finished') return lives;
    const now = await state();
    awaits = now === before ? awaits + 1 : Math.max(1, awaits - 1);
    if (awaits > MOST_AWAITS) throw new Error(`Nothing has happened for ${MOST_AWAITS} awaits, at ${now}.`);
    before = now;
  }
}
