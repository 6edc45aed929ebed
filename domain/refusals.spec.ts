import { describe, expect, it } from '@jest/globals';
import { deciders } from './deciders.ts';
import { refusalCode } from './kernel/refusal.ts';

describe('All refusals of the system', () => {
  const classes = [...new Set(deciders.flatMap((decider) => decider.refusals))];
  it('have codes of their own', () => {
    const codes = classes.map(refusalCode);
    expect(codes.filter((code, place) => codes.indexOf(code) !== place)).toEqual([]);
  });
  it('have a kind and a sentence', () => {
    for (const refusal of classes) {
      expect(['invalid', 'forbidden', 'not_found', 'conflict', 'too_many']).toContain(refusal.kind);
      expect(refusal.sentence).toMatch(/^[A-Z].*\.$/);
    }
  });
});
