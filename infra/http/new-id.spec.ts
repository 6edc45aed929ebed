import { describe, expect, it } from '@jest/globals';
import { uuid } from '#domain/kernel/ids.ts';
import { newId } from './new-id.ts';

describe('New ids', () => {
  it('are UUIDs of version 7, and never the same', () => {
    const ids = Array.from({ length: 2_000 }, newId);
    for (const id of ids) expect([uuid.safeParse(id).success, id[14]]).toEqual([true, '7']);
    expect(new Set(ids).size).toBe(2_000);
  });
});
