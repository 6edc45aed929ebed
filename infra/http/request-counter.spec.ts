import { describe, expect, it } from '@jest/globals';
import { RequestCounter } from './request-counter.ts';

describe('Requests', () => {
  it('are counted by key, in windows that begin with the first', () => {
    const counter = new RequestCounter(60_000);
    expect(counter.count('mia', 1_000)).toEqual({ requests: 1, leftMs: 60_000 });
    expect(counter.count('mia', 31_000)).toEqual({ requests: 2, leftMs: 30_000 });
    expect(counter.count('noah', 31_000)).toEqual({ requests: 1, leftMs: 60_000 });
    expect(counter.count('mia', 60_999)).toEqual({ requests: 3, leftMs: 1 });
    expect(counter.count('mia', 61_000)).toEqual({ requests: 1, leftMs: 60_000 });
  });
});
