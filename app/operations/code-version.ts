import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What rows come from: the rules, the read models and the engine; and the packages. */
const SOURCES = ['domain', 'projections', 'infra'];
const PACKAGES = 'package-lock.json';

/**
 * What code this is: the commit that an image was built of (`CODE_VERSION`), or that the folder is at. Where no commit tells, because files were changed
 * since or there is no repository, what was last known with a hash of what the files hold: no two codes have one name.
 */
export async function codeVersion(root = new URL('../../', import.meta.url), built = process.env['CODE_VERSION']): Promise<string> {
  if (built !== undefined && built !== '') return built;
  const git = promisify(execFile)('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], { cwd: root });
  const commit = await git.then(({ stdout }) => stdout.trim()).catch(() => undefined);
  if (commit !== undefined && !commit.endsWith('-dirty')) return commit;
  return `${commit ?? (await packageVersion(root))}-${await hashOf(root)}`;
}

async function packageVersion(root: URL): Promise<string> {
  return (JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }).version;
}

async function hashOf(root: URL): Promise<string> {
  const hash = createHash('sha256');
  const files = await Promise.all(
    SOURCES.map(async (folder) => (await readdir(new URL(folder, root), { recursive: true })).map((file) => `${folder}/${file}`)),
  );
  for (const file of [
    ...files
      .flat()
      .filter((name) => name.endsWith('.ts'))
      .toSorted(),
    PACKAGES,
  ])
    hash
      .update(`${file}\0`)
      .update(await readFile(new URL(file, root)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}
