import { Life } from './life.ts';

/** More than any story has deeds: whoever does something new for so long does not do what was to be done. */
const MOST_LIVES = 1_000;

/** Tells what is done by a call of this method with these arguments; undefined when it changes nothing. */
export type NameOfDeed = (method: string, args: readonly unknown[]) => string | undefined;

/**
 * What processes have done outside, over all their lives. A process dies of whatever nobody has done before: it is done, and the answer is
 * lost. What there is to do does not depend on how calls overlap or how fast the machine is, so in every run there is one death for every deed.
 */
export class Deeds {
  readonly #done = new Set<string>();

  /** A port as the process has it whose life this is. A call that fails has done nothing. */
  port<T extends object>(life: Life, port: T, nameOf: NameOfDeed): T {
    return life.port(
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name, target);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]): Promise<unknown> => {
            const answer: unknown = await Reflect.apply(method, target, args);
            const deed = nameOf(String(name), args);
            if (deed !== undefined && !this.#done.has(deed)) {
              this.#done.add(deed);
              life.end();
            }
            return answer;
          };
        },
      }),
    );
  }

  /** Starts one process after the other until one has nothing left to do. Answers how many it took; throws when there is no end. */
  async dieOfEach(live: (life: Life) => Promise<'finished' | 'died'>): Promise<number> {
    for (let lives = 1; lives <= MOST_LIVES; lives++) if ((await live(new Life())) === 'finished') return lives;
    throw new Error(`Something new was done in each of ${MOST_LIVES} lives.`);
  }
}
