import { describe, expect, it } from '@jest/globals';
import { Refusal, refusalCode } from './refusal.ts';

class NotTheRequestedTutor extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the tutor who was asked may answer this request.';
}

describe('A refusal', () => {
  it('carries a stable code, its kind, a sentence and details', () => {
    const refusal = new NotTheRequestedTutor({ tutorId: 't' });
    expect(refusal).toBeInstanceOf(Error);
    expect([refusal.name, refusal.code, refusal.kind, refusal.message, refusal.details]).toEqual([
      'NotTheRequestedTutor',
      'not_the_requested_tutor',
      'forbidden',
      'Only the tutor who was asked may answer this request.',
      { tutorId: 't' },
    ]);
  });
  it('has no details unless given', () => expect(new NotTheRequestedTutor().details).toEqual({}));
  it('takes a single letter for a word', () => expect(refusalCode({ name: 'NotAChannelMember' })).toBe('not_a_channel_member'));
  it('keeps digits together with their word', () => expect(refusalCode({ name: 'Under13NeedsMore' })).toBe('under13_needs_more'));
});
