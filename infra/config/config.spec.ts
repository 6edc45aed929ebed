import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readConfig, WrongConfiguration } from './config.ts';
import { envExample } from './env-example.ts';
import { ROLES, variables } from './variables.ts';

/** What .env.example says, without the comment signs where `all`. */
const example = (all: boolean) => parseEnv(all ? envExample().replaceAll(/^# (?=[A-Z0-9_]+=)/gm, '') : envExample());

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
    expect(problemsOf(example(true))).toEqual([]);
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
    expect(problemsOf({ ...example(false), NODE_ENV: 'production', INTERNAL_AUTH: 'none' })).toEqual([
      'INTERNAL_AUTH none is refused with NODE_ENV=production.',
    ]);
    expect(problemsOf({ ...example(false), AWS_ACCESS_KEY_ID: 'AKIA' })).toHaveLength(1);
    expect(problemsOf({ ...example(false), VAULT_DATABASE_URL: example(false)['DATABASE_URL'] })).toHaveLength(1);
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
