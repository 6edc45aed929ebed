import { describe, expect, it } from '@jest/globals';
import { RecentIds } from './append-check.ts';

describe('the memory of ids', () => {
  it('keeps the first place of an id, and forgets the oldest ids when it is full', () => {
    const ids = new RecentIds(3);
    ids.remember('a', 'S', 0);
    ids.remember('a', 'S', 7);
    ids.remember('b', 'S', 1);
    ids.remember('c', 'S', 2);
    expect(['a', 'b', 'c'].map((id) => ids.revisionOf(id, 'S'))).toEqual([0, 1, 2]);
    expect(ids.revisionOf('a', 'T')).toBeUndefined();
    ids.remember('d', 'S', 3);
    ids.remember('e', 'S', 4);
    expect(['a', 'b', 'c', 'd', 'e'].map((id) => ids.revisionOf(id, 'S'))).toEqual([undefined, undefined, 2, 3, 4]);
    ids.forget();
    ids.remember('a', 'S', 9);
    expect(['a', 'e'].map((id) => ids.revisionOf(id, 'S'))).toEqual([9, undefined]);
  });
});
