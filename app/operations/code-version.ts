import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The commit that the code is of, marked when it was changed since; the version of the package where there is no repository. */
export async function codeVersion(): Promise<string> {
  const root = new URL('../../', import.meta.url);
  const git = promisify(execFile)('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], { cwd: root });
  const commit = await git.then(({ stdout }) => stdout.trim()).catch(() => undefined);
  if (commit !== undefined) return commit;
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string };
  return version;
}
