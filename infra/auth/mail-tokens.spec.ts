import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';
import { MailTokens } from './mail-tokens.ts';

const tokens = new MailTokens(randomBytes(32));
const [subjectId, causeId] = [v7(), v7()];

describe('Tokens in mails', () => {
  it('are the same for the same cause, so that a mail can be sent again', () =>
    expect(tokens.mint('verify-email', subjectId, causeId)).toEqual(tokens.mint('verify-email', subjectId, causeId)));
  it('differ by purpose, subject, cause and master key', () => {
    const all = [
      tokens.mint('verify-email', subjectId, causeId),
      tokens.mint('parent-consent', subjectId, causeId),
      tokens.mint('verify-email', v7(), causeId),
      tokens.mint('verify-email', subjectId, v7()),
      new MailTokens(randomBytes(32)).mint('verify-email', subjectId, causeId),
    ];
    expect(new Set(all.map(({ hash }) => hash)).size).toBe(all.length);
  });
  it('say whom they are about', () => {
    const { token, hash } = tokens.mint('verify-email', subjectId, causeId);
    expect(MailTokens.read(token)).toEqual({ subjectId, hash });
  });
  it.each(['', 'abc', 'a'.repeat(63), 'a'.repeat(65), `${'a'.repeat(63)}!`])('cannot be %j', (text) =>
    expect(MailTokens.read(text)).toBeUndefined(),
  );
});

describe('Hashes of e-mail addresses', () => {
  it('are 64 hex digits that depend on address and key', () => {
    expect(tokens.emailHash('mia@example.org')).toMatch(/^[0-9a-f]{64}$/);
    expect(tokens.emailHash('mia@example.org')).toBe(tokens.emailHash('mia@example.org'));
    expect(tokens.emailHash('mia@example.org')).not.toBe(tokens.emailHash('max@example.org'));
    expect(tokens.emailHash('mia@example.org')).not.toBe(new MailTokens(randomBytes(32)).emailHash('mia@example.org'));
  });
});
