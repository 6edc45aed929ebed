import { isDeepStrictEqual } from 'node:util';

const SHOWN = 300;

/** Where two maps differ, in words: key, what is there, what should be there. */
export function differences(expected: ReadonlyMap<string, unknown>, actual: ReadonlyMap<string, unknown>): string[] {
  const keys = new Set([...expected.keys(), ...actual.keys()]);
  return [...keys]
    .filter((key) => !isDeepStrictEqual(expected.get(key), actual.get(key)))
    .map((key) => `${key}: is ${shown(actual.get(key))}, should be ${shown(expected.get(key))}`);
}

function shown(value: unknown): string {
  return value === undefined
    ? 'not there'
    : JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)).slice(0, SHOWN);
}
