import { describe, expect, it } from '@jest/globals';
import { MalformedMessage, utf8 } from './proto-message.ts';

describe('a text field', () => {
  it('keeps every character, a byte order mark too', () => {
    expect(utf8(Buffer.from('\uFEFFA'))).toBe('\uFEFFA');
  });

  it('is refused when it is not UTF-8', () => {
    expect(() => utf8(Buffer.from([0xff]))).toThrow(MalformedMessage);
  });
});
