import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codeVersion } from './code-version.ts';

describe('The version of the code', () => {
  let dir: string;
  let root: URL;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'code-version-'));
    root = pathToFileURL(`${dir}/`);
    for (const folder of ['domain', 'projections/tutoring', 'infra']) mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, 'package.json'), '{ "version": "0.1.0" }');
    writeFileSync(join(dir, 'package-lock.json'), '{}');
    handler('as it was');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const handler = (text: string) => writeFileSync(join(dir, 'projections/tutoring/tutors.ts'), `// ${text}`);
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], { cwd: dir });
  const version = () => codeVersion(root, undefined);

  it('is what an image was built of', async () => {
    expect(await codeVersion(root, '5f3c')).toBe('5f3c');
  });

  it('is another after a handler was mended, where there is no repository', async () => {
    const before = await version();
    expect(before).toMatch(/^0\.1\.0-[0-9a-f]{16}$/);
    expect(await version()).toBe(before);
    handler('mended');
    expect(await version()).not.toBe(before);
  });

  it('is the commit, and in two folders with different changes since never the same', async () => {
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'first');
    const commit = git('rev-parse', 'HEAD').toString().trim();
    expect(await version()).toBe(commit);
    handler('changed');
    const changed = await version();
    handler('changed otherwise');
    expect(changed).toMatch(new RegExp(`^${commit}-dirty-[0-9a-f]{16}$`));
    expect(await version()).not.toBe(changed);
  });
});
