// Lets Node run the TypeScript of this repository as it stands: `node --import ./infra/runtime/typescript.js file.ts`.
// Node strips types by itself, but it neither compiles decorators nor emits the metadata that NestJS injects by.
// What was compiled is kept under node_modules/.cache with the hash of what it was compiled from, so that the next start need not compile it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, enableCompileCache, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.setSourceMapsEnabled(true);

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('../../', import.meta.url));
const compiler = hash(readFileSync(require.resolve('@swc/core/package.json')), readFileSync(join(root, '.swcrc')));
const cache = openCache();

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return nextLoad(url, context);
    return { format: 'module', source: compiled(fileURLToPath(url)), shortCircuit: true };
  },
});

/** The JavaScript of a file. */
function compiled(filename) {
  const source = readFileSync(filename, 'utf8');
  if (cache === undefined) return compile(filename, source);
  const key = hash(compiler, filename, source);
  const file = join(cache, hash(filename));
  const kept = readIfThere(file);
  if (kept?.startsWith(key)) return kept.slice(key.length);
  const code = compile(filename, source);
  // Several processes may do so at once; each puts a whole file in place.
  writeFileSync(`${file}.${process.pid}`, key + code);
  renameSync(`${file}.${process.pid}`, file);
  return code;
}

function compile(filename, source) {
  // Loaded only when there is something to compile.
  return require('@swc/core').transformSync(source, { filename }).code;
}

/** The folder of what was compiled, V8's own part included; undefined where this process may not write, as in a container. */
function openCache() {
  const folder = join(root, 'node_modules', '.cache', 'typescript');
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '.writable'), '');
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(error.code)) return undefined;
    throw error;
  }
  enableCompileCache(join(folder, 'v8'));
  return folder;
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function hash(...parts) {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part).update('\0');
  return sum.digest('hex');
}
