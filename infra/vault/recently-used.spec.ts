import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecentlyUsed } from './recently-used.ts';

describe('A map of what was used of late', () => {
  it('keeps what is used again and again', () => {
    const map = new RecentlyUsed<string, number>(4);
    map.set('kept', 1);
    for (let i = 0; i < 100; i++) {
      map.set(`passing ${i}`, i);
      expect(map.get('kept')).toBe(1);
    }
    expect(map.get('passing 50')).toBeUndefined();
  });

  it('removes what it is told to, young or old', () => {
    const map = new RecentlyUsed<number, number>(8);
    for (let i = 0; i < 6; i++) map.set(i, i);
    map.delete(5);
    map.deleteWhere((value) => value % 2 === 0);
    expect([0, 1, 2, 3, 4, 5].map((key) => map.get(key))).toEqual([undefined, 1, undefined, 3, undefined, undefined]);
  });

  it('never gives an outdated value, and forgets nothing of the latest', () => {
    const step = fc.record({ key: fc.nat(9), value: fc.option(fc.nat(), { nil: undefined }), drop: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new RecentlyUsed<number, number>(6);
        const truth = new Map<number, number>();
        const latest: number[] = [];
        for (const { key, value, drop } of steps) {
          if (value === undefined) {
            if (drop) {
              map.delete(key);
              truth.delete(key);
            }
            continue;
          }
          map.set(key, value);
          truth.set(key, value);
          latest.push(key);
          const kept = [...new Set(latest.toReversed())].slice(0, 3);
          for (const recent of kept) if (truth.has(recent)) expect(map.get(recent)).toBe(truth.get(recent));
        }
        for (const key of truth.keys()) expect([undefined, truth.get(key)]).toContain(map.get(key));
      }),
    );
  });
});
