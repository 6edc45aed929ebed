import { describe, expect, it } from '@jest/globals';
import { mailTemplateNames, mailTemplates, momentFor, writeMail, type Reader } from './mail-templates.ts';

const reader: Reader = { name: 'Mia', timeZone: 'Europe/Berlin', publicUrl: 'https://chalkstream.example', token: 'T'.repeat(64) };
const okafor = { name: 'Mr Okafor', timeZone: 'Europe/London' };
const NOON = '2026-11-23T12:00:00.000Z';
const filled = {
  requestId: 'r',
  expiresAt: NOON,
  startsAt: NOON,
  minutes: '60',
  subject: 'mathematics',
  level: 'gcse',
  reasons: 'degree:unreadable',
  reason: 'slot_taken',
};

describe('Mails', () => {
  it.each(mailTemplateNames)('%s is a greeting, something to say, and a farewell', (template) => {
    const { subject, text } = writeMail(template, filled, { ...reader, other: okafor });
    expect(subject).toMatch(/^[A-Z].{5,70}$/);
    expect(text).toMatch(/^Hello Mia,\n\n[\s\S]+\n\nKind regards\nChalkstream\n$/);
    expect(text).not.toMatch(/undefined|null|NaN|\[object/);
  });
  it.each(mailTemplateNames.filter((template) => mailTemplates[template].params.length > 0))(
    '%s says when something is missing',
    (template) => {
      const [first] = mailTemplates[template].params.filter((name) => name !== 'requestId');
      expect(() => writeMail(template, {}, { ...reader, other: okafor })).toThrow(`The mail lacks ${first}`);
    },
  );
  it('greet a parent, of whom no name is known', () =>
    expect(writeMail('parent-consent', filled, { ...reader, name: undefined }).text).toMatch(/^Hello,\n/));
  it('lead to the page that decides nothing by being opened', () => {
    expect(writeMail('verify-email', {}, reader).text).toContain(`https://chalkstream.example/auth/verify-email?token=${reader.token}`);
    expect(writeMail('parent-consent', filled, reader).text).toContain(`https://chalkstream.example/consents/${reader.token}/page`);
  });
  it('name a time on the clocks of both', () => {
    expect(momentFor({ ...reader, other: okafor }, NOON)).toBe(
      'Monday, 23 November 2026 at 13:00 (Europe/Berlin), which is Monday, 23 November 2026 at 12:00 (Europe/London)',
    );
    expect(momentFor({ ...reader, other: { timeZone: 'Europe/Berlin' } }, NOON)).toBe('Monday, 23 November 2026 at 13:00 (Europe/Berlin)');
  });
  it('say in words why a tutor was not approved', () =>
    expect(writeMail('tutor-rejected', { reasons: 'degree:unreadable,bio:inappropriate' }, reader).text).toContain(
      '- degree: we could not read it\n- bio: something in it does not fit our rules',
    ));
});
