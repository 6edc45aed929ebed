import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { cursorOf, writeCursor } from './cursor.ts';

const cursor = cursorOf([z.number().int(), z.string()]);

describe('A cursor', () => {
  it('gives back the place it was written for', () => expect(cursor.parse(writeCursor([9050, 'b1']))).toEqual([9050, 'b1']));
  it.each(['', 'x', writeCursor(['b1', 9050]), writeCursor([1]), Buffer.from('{').toString('base64url')])('refuses %j', (text) =>
    expect(cursor.safeParse(text).success).toBe(false),
  );
});
