import { expect } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';

/** Asks until the answer is what is awaited, for 20 s at most. */
export async function eventually<T>(ask: () => Promise<T>, awaited: T): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if ((await ask()) === awaited) return;
    await wait(50);
  }
  expect(await ask()).toEqual(awaited);
}
