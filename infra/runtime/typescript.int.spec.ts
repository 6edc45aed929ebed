import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
let dir: string;

beforeAll(() => {
  // Inside the repository, where its compiler settings hold; git and jest look away.
  mkdirSync('data', { recursive: true });
  dir = mkdtempSync(join('data', 'runtime-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function says(file: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import', './infra/runtime/typescript.js', file]);
  return stdout;
}

it('What runs is what the file says now, also when several processes begin at once', async () => {
  const [main, other] = [join(dir, 'main.ts'), join(dir, 'other.ts')];
  writeFileSync(main, `import { word } from './other.ts';\nconst said: string = word;\nconsole.log(said);\n`);
  for (const word of ['first', 'second', 'first']) {
    writeFileSync(other, `export const word: string = '${word}';\n`);
    expect(await Promise.all([says(main), says(main), says(main)])).toEqual(Array(3).fill(`${word}\n`));
    expect(await says(main)).toBe(`${word}\n`);
  }
});

it('A fault is found in the TypeScript, from the cache too', async () => {
  const file = join(dir, 'fault.ts');
  writeFileSync(file, `interface Unused {\n  readonly a: string;\n}\n\nthrow new Error('here');\n`);
  for (let start = 1; start <= 2; start++) await expect(says(file)).rejects.toThrow('fault.ts:5:7');
});
