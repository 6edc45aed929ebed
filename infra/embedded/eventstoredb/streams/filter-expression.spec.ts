import { describe, expect, it } from '@jest/globals';
import { filterExpression } from './filter-expression.ts';

const problem = (source: string): unknown => {
  try {
    return filterExpression(source).source;
  } catch (error) {
    return String(error);
  }
};

describe('a filter expression', () => {
  it.each([
    '^[^\\$].*',
    '^(?!\\$)',
    '^(?!(\\$|stats))Lesson-',
    '^Lesson\\-(\\d+)(-\\d+)*$',
    '(?<year>\\d{4})-(?:a|b){2}',
    '(a)\\1',
    '\\p{Lu}+',
  ])('takes %s', (source) => expect(problem(source)).toBe(source));

  it.each(['(?!b)(a+)+$', '^(?=x)(a|aa)+$', '((a{1,9}){1,9}){1,9}', '(a*)*\\1', '(?!z)((ab)*c)*'])(
    'refuses %s, which may take for ever',
    (source) => expect(problem(source)).toContain('exponential'),
  );

  it.each(['(', '[z-a]', '*', '\\Aabc', '\\p{Nonsense}'])('refuses %s, which .NET or JavaScript does not know', (source) =>
    expect(problem(source)).toContain('cannot be used'),
  );

  it('matches UTF-16 units, as .NET does', () => {
    expect(filterExpression('^..$').test('\u{1f600}')).toBe(true);
  });

  it('ends soon where going back and forth would not', () => {
    expect(filterExpression('^(a+)+$').test(`${'a'.repeat(200)}!`)).toBe(false);
  });
});
