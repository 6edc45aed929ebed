import { describe, expect, it } from '@jest/globals';
import { memoryOperations } from '#infra/verify/memory-operations.ts';
import { rebuildModel } from './acts.ts';

describe('An act whose outcome cannot be put on record', () => {
  const operator = { who: 'ada', why: 'case 4711' };
  const asking = { consumer: 'matching.matches', version: 1, accept: false };

  /** Whatever is carried out, the record takes no more events from when it begins. */
  async function carryOut(work: () => string): Promise<{ done: Promise<string>; unsaid: unknown[] }> {
    const { record, events } = memoryOperations();
    const unsaid: unknown[] = [];
    const done = record.during(rebuildModel, asking, operator, {
      work: async () => {
        Object.freeze(events);
        return work();
      },
      say: (result) => result,
      unsaid: (error) => unsaid.push(error),
    });
    await done.catch(() => undefined);
    return { done, unsaid };
  }

  it('was done all the same', async () => {
    const { done, unsaid } = await carryOut(() => 'swapped');
    expect(await done).toBe('swapped');
    expect(unsaid).toEqual([expect.any(TypeError)]);
  });

  it('failed for the reason that it failed for', async () => {
    const { done, unsaid } = await carryOut(() => {
      throw new Error('the disk is full');
    });
    await expect(done).rejects.toThrow('the disk is full');
    expect(unsaid).toEqual([expect.any(TypeError)]);
  });
});
