import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readConfig, WrongConfiguration } from './config.ts';
import { envExample } from './env-example.ts';
import { ROLES, variables } from './variables.ts';

/** What .env.example says, without the comment signs where `all`, with the one key that everybody must make. */
const example = (all: boolean): Record<string, string | undefined> => ({
  ...parseEnv(all ? envExample().replaceAll(/^# (?=[A-Z0-9_]+=)/gm, '') : envExample()),
  MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
});

/** With keys of one's own in the place of those of .env.example. */
const withOwnKeys = (environment: Record<string, string | undefined>) =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value?.replace(/change[-_]me/, 'our-own-key')]));

/** A complete environment of production. */
const production = {
  ...withOwnKeys(example(false)),
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://api.example.com',
  INTERNAL_KEYS: `ops:${'x'.repeat(32)}`,
};

const problemsOf = (environment: Record<string, string | undefined>, args: string[] = []) => {
  try {
    readConfig(environment, args);
  } catch (error) {
    if (error instanceof WrongConfiguration) return error.problems;
    throw error;
  }
  return [];
};

describe('The configuration', () => {
  it('is complete with .env.example, with and without what may be left out', () => {
    expect(problemsOf(example(false))).toEqual([]);
    expect(problemsOf(withOwnKeys(example(true)))).toEqual([]);
  });

  it('names every missing value at once, with what it is for', () => {
    const problems = problemsOf({});
    expect(problems).toContain('EVENTSTORE_URL is missing. EventStoreDB, as its clients take it.');
    expect(problems.length).toBeGreaterThan(15);
  });

  it('names wrong values without repeating them', () => {
    const problems = problemsOf({ ...example(false), PUBLIC_PORT: 'hunter2', MASTER_KEY: 'aHVudGVyMg==', STRIPE_SECRET_KEY: 'hunter2' });
    expect(problems).toEqual([
      'PUBLIC_PORT must be a port.',
      'MASTER_KEY must be 32 bytes in base64.',
      'STRIPE_SECRET_KEY must start with sk_.',
    ]);
  });

  it('refuses what only together is wrong', () => {
    expect(problemsOf({ ...example(false), AWS_ACCESS_KEY_ID: 'AKIA' })).toHaveLength(1);
    expect(problemsOf({ ...example(false), VAULT_DATABASE_URL: example(false)['DATABASE_URL'] })).toHaveLength(1);
  });

  describe('of production', () => {
    it('may be complete', () => expect(problemsOf(production)).toEqual([]));

    it('asks for signed requests', () =>
      expect(problemsOf({ ...production, INTERNAL_AUTH: 'none' })).toEqual(['INTERNAL_AUTH none is refused with NODE_ENV=production.']));

    it('takes no MASTER_KEY of zero bytes, which elsewhere does', () => {
      const zeros = Buffer.alloc(32).toString('base64');
      expect(problemsOf({ ...production, MASTER_KEY: zeros })).toEqual([
        'MASTER_KEY is 32 zero bytes, which everybody can guess: refused with NODE_ENV=production.',
      ]);
      expect(problemsOf({ ...production, NODE_ENV: 'test', MASTER_KEY: zeros })).toEqual([]);
    });

    it('takes none of the keys that .env.example shows', () => {
      const shown = {
        ...production,
        SES_WEBHOOK_PASSWORD: example(true)['SES_WEBHOOK_PASSWORD'],
        INTERNAL_KEYS: example(true)['INTERNAL_KEYS'],
      };
      expect(problemsOf(shown)).toEqual([
        'INTERNAL_KEYS still has the value of .env.example: refused with NODE_ENV=production.',
        'SES_WEBHOOK_PASSWORD still has the value of .env.example: refused with NODE_ENV=production.',
      ]);
      expect(problemsOf({ ...shown, NODE_ENV: 'development' })).toEqual([]);
    });

    it('must say where clients reach it, where a part tells them', () => {
      for (const roles of ['command-api', 'query-api', 'realtime', 'process-managers', 'projections,process-managers'])
        expect(problemsOf({ ...production, PUBLIC_URL: '', ROLES: roles })).toEqual([expect.stringContaining('PUBLIC_URL is missing')]);
      expect(problemsOf({ ...production, PUBLIC_URL: '' }, ['--roles', 'projections,internal'])).toEqual([]);
    });

    it('must say who may call the internal API, where it is served', () => {
      for (const keys of ['', ' , '])
        expect(problemsOf({ ...production, INTERNAL_KEYS: keys })).toEqual([expect.stringContaining('INTERNAL_KEYS is missing')]);
      expect(problemsOf({ ...production, INTERNAL_KEYS: '' }, ['--roles', 'projections,process-managers'])).toEqual([]);
      expect(problemsOf({ ...production, NODE_ENV: 'development', INTERNAL_KEYS: '' })).toEqual([]);
    });
  });

  it('leaves MASTER_KEY to whoever copies .env.example', () => {
    expect(problemsOf({ ...example(false), MASTER_KEY: parseEnv(envExample())['MASTER_KEY'] })).toEqual([
      expect.stringContaining('MASTER_KEY is missing.'),
    ]);
  });

  it('runs every part unless told', () => {
    expect(readConfig(example(false)).roles).toEqual(new Set(ROLES));
    expect(readConfig({ ...example(false), ROLES: 'realtime' }).roles).toEqual(new Set(['realtime']));
    expect(readConfig({ ...example(false), ROLES: 'realtime' }, ['--roles', 'projections, internal']).roles).toEqual(
      new Set(['projections', 'internal']),
    );
    expect(problemsOf(example(false), ['--roles', 'kitchen'])).toEqual([expect.stringContaining('--roles must be some of')]);
  });

  it('reads the keys of services', () => {
    const secret = 'x'.repeat(32);
    expect(readConfig({ ...example(false), INTERNAL_KEYS: `ops:${secret}, jobs:${secret}` }).internalHttp.keys.get('jobs')).toBe(secret);
    expect(problemsOf({ ...example(false), INTERNAL_KEYS: 'ops:short' })).toHaveLength(1);
  });

  it('takes an empty variable as absent', () => {
    expect(readConfig({ ...example(false), REDIS_URL: '' }).redisUrl).toBeUndefined();
  });

  it('is explained in .env.example as it stands', () => {
    expect(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')).toBe(envExample());
  });

  it('explains every variable in a sentence', () => {
    for (const [name, { about }] of Object.entries(variables))
      expect([name, about]).toEqual([name, expect.stringMatching(/^[A-Za-z].*\.$/)]);
  });
});
