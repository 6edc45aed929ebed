import { describe, expect, it } from '@jest/globals';
import { Deeds, type NameOfDeed } from './deeds.ts';
import { Dead, type Life } from './life.ts';

const nameOf: NameOfDeed = (method, [what]) => (method === 'do' ? String(what) : undefined);

/** A world in which `todo` is to be done in order; a process knows of nothing that others did unless it looks. */
function world(todo: readonly string[], looks: boolean) {
  const deeds = new Deeds();
  const outside: string[] = [];
  const port = {
    do: async (what: string) => {
      if (what === 'impossible') throw new TypeError(what);
      return outside.push(what);
    },
    look: async () => [...outside],
  };
  const live = async (life: Life): Promise<'finished' | 'died'> => {
    const { do: act, look } = deeds.port(life, port, nameOf);
    try {
      for (const what of todo) if (!looks || !(await look()).includes(what)) await act(what).catch(unlessDead);
      return 'finished';
    } catch (error) {
      if (error instanceof Dead) return 'died';
      throw error;
    }
  };
  const unlessDead = (error: unknown) => {
    if (error instanceof Dead) throw error;
  };
  return { outside, lives: () => deeds.dieOfEach(live) };
}

describe('A death for every deed', () => {
  it('is harmless to whoever looks before acting', async () => {
    const { outside, lives } = world(['a', 'b'], true);
    expect(await lives()).toBe(3);
    expect(outside).toEqual(['a', 'b']);
  });
  it('makes whoever does not look do everything again, the same in every run', async () => {
    const { outside, lives } = world(['a', 'b'], false);
    expect(await lives()).toBe(3);
    expect(outside).toEqual(['a', 'a', 'b', 'a', 'b']);
  });
  it('comes neither of a look nor of what fails', async () => {
    const { outside, lives } = world(['impossible'], true);
    expect(await lives()).toBe(1);
    expect(outside).toEqual([]);
  });
  it('ends when something new is done in every life', async () => {
    const deeds = new Deeds();
    let nth = 0;
    const live = async (life: Life) => {
      const { do: act } = deeds.port(life, { do: async (what: string) => what }, nameOf);
      await expect(act(`${++nth}`)).rejects.toThrow(Dead);
      return 'died' as const;
    };
    await expect(deeds.dieOfEach(live)).rejects.toThrow('Something new was done in each of 1000 lives.');
  });
});
