import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { v7 } from 'uuid';
import { followUpId, pair, pairId, streamOf, uuid } from './ids.ts';

const parts = fc.array(
  fc.string({ maxLength: 20 }).map((part) => part.replaceAll('\u0000', '')),
  { minLength: 1, maxLength: 4 },
);
const idOf = (cause: readonly string[]) => followUpId(...(cause as [string, ...string[]]));

describe('Ids that follow from a cause', () => {
  it('stay the same for ever', () => expect(followUpId('ChatChannel', 'match-1')).toBe('d9008f49-2643-5e40-8e3e-73549b09b5e0'));
  it('are UUIDs of version 5, the same for the same cause', () =>
    fc.assert(
      fc.property(parts, (cause) => {
        expect(uuid.safeParse(idOf(cause)).success).toBe(true);
        expect(idOf(cause)[14]).toBe('5');
        expect(idOf([...cause])).toBe(idOf(cause));
      }),
    ));
  it('differ for different causes, wherever the parts are cut', () => {
    expect(followUpId('a', 'bc')).not.toBe(followUpId('ab', 'c'));
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(idOf(one)).not.toBe(idOf(other));
      }),
    );
  });
});

describe('Ids', () => {
  it('are UUIDs in lower case, minted in version 7', () => {
    expect(uuid.safeParse(v7()).success).toBe(true);
    for (const wrong of ['', 'search', v7().toUpperCase(), `${v7()}x`, '00000000-0000-0000-0000-000000000000']) {
      expect(uuid.safeParse(wrong).success).toBe(false);
    }
  });
  it('name a stream and a pair', () => {
    const [student, tutor] = [v7(), v7()];
    expect(streamOf('TutorProfile', tutor)).toBe(`TutorProfile-${tutor}`);
    expect(pair.safeParse(pairId(student, tutor)).success).toBe(true);
    expect(pair.safeParse(student).success).toBe(false);
  });
});
