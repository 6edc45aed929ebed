import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
/** Text of a document by its path from the root. */
type Documents = ReadonlyMap<string, string>;

const skipped = (path: string) => /(^|\/)(node_modules|data|\.git)(\/|$)/.test(path);
const documents: Documents = new Map(
  globSync('**/*.md', { cwd: ROOT, exclude: skipped }).map((path) => [path, readFileSync(resolve(ROOT, path), 'utf8')]),
);

/** Without blocks and spans of code, in which brackets are no links. */
const prose = (text: string) => text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '`');

function brokenLinks(given: Documents): string[] {
  return [...given].flatMap(([path, text]) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^(https?:|mailto:|#)/.test(target))
      .filter((target) => !existsSync(resolve(ROOT, dirname(path), decodeURIComponent(target.replace(/#.*$/, '')))))
      .map((target) => `${path} links to ${target}`),
  );
}

/** Test files that a document names in code spans; a pattern with a star is none. */
function unknownTestFiles(given: Documents): string[] {
  return [...given].flatMap(([path, text]) =>
    [...text.matchAll(/`([\w./-]+\/[\w.-]+\.spec\.ts)`/g)]
      .map(([, file = '']) => file)
      .filter((file) => ![ROOT, resolve(ROOT, dirname(path))].some((from) => existsSync(resolve(from, file))))
      .map((file) => `${path} names ${file}`),
  );
}

/** A line of a guarantee that names a test: the file, then its title as the file spells it. */
const HELD_BY = /^- \[`([^`]+)`\]\([^)]+\) › (.+)$/gm;

function unknownTests(given: Documents): string[] {
  return [...given].flatMap(([path, text]) =>
    [...text.matchAll(HELD_BY)]
      .filter(([, file = '', title = '']) => !titlesOf(file).has(title))
      .map(([, file, title]) => `${path} names ${file} › ${title}`),
  );
}

/** The titles of the tests in a file: the first string of `it(…)` or of `it.each(…)(…)`. */
function titlesOf(file: string): ReadonlySet<string> {
  const source = existsSync(resolve(ROOT, file)) ? readFileSync(resolve(ROOT, file), 'utf8') : '';
  const titles = source.matchAll(/\bit(?:\.each\((?:[^\n]*|\[\n[\s\S]*?\n *\])\))?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g);
  return new Set([...titles].map(([, , title = '']) => title.replaceAll(/\\(.)/g, '$1')));
}

const guarantees: Documents = new Map([...documents].filter(([path]) => path.startsWith('docs/guarantees/')));

describe('The documents', () => {
  it('are there', () => {
    expect(documents.has('README.md')).toBe(true);
    expect(guarantees.size).toBeGreaterThanOrEqual(15);
  });
  it('link to what exists', () => expect(brokenLinks(documents)).toEqual([]));
  it('name test files that exist', () => expect(unknownTestFiles(documents)).toEqual([]));
  it('are all found from the index', () => {
    const index = documents.get('docs/README.md') ?? '';
    const hidden = [...documents.keys()].filter((path) => path.startsWith('docs/') && path !== 'docs/README.md');
    expect(hidden.filter((path) => !index.includes(`](${path.slice('docs/'.length)})`))).toEqual([]);
  });
});

describe('Every guarantee', () => {
  it('names the tests that hold it', () =>
    expect([...guarantees].filter(([, text]) => text.match(HELD_BY) === null).map(([path]) => path)).toEqual([]));
  it('names tests that exist', () => expect(unknownTests(guarantees)).toEqual([]));
});

describe('A planted fault', () => {
  const held = '[`app/checks/docs.spec.ts`](../../app/checks/docs.spec.ts)';
  const planted: Documents = new Map([
    [
      'docs/guarantees/planted.md',
      `[gone](gone.md) [here](../README.md) [there](https://example.org) \`[code](of.md)\` \`e2e/gone.e2e.spec.ts\`\n- ${held} › is seen\n- ${held} › was renamed\n`,
    ],
  ]);

  it('is seen', () => {
    expect(brokenLinks(planted)).toEqual(['docs/guarantees/planted.md links to gone.md']);
    expect(unknownTestFiles(planted)).toEqual(['docs/guarantees/planted.md names e2e/gone.e2e.spec.ts']);
    expect(unknownTests(planted)).toEqual(['docs/guarantees/planted.md names app/checks/docs.spec.ts › was renamed']);
  });
});
