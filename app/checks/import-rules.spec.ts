import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const { default: config } = (await import(join(process.cwd(), '.dependency-cruiser.js'))) as {
  default: { forbidden: { name: string }[]; options: object };
};
const FOLDERS = ['domain', 'command-api', 'projections', 'query-api', 'process-managers', 'realtime', 'infra', 'app', 'bench', 'e2e'];

async function check(baseDir: string, folders: string[]): Promise<ICruiseResult> {
  const { output } = await cruise(
    folders,
    { ...config.options, baseDir, ruleSet: config as never, validate: true },
    { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  );
  return output as ICruiseResult;
}

const violationsIn = (result: ICruiseResult) =>
  result.summary.violations.map((violation) => `${violation.rule.name}: ${violation.from} -> ${violation.to}`);

describe('The import rules', () => {
  it('hold in this repository, and looked at all of it', async () => {
    const result = await check(process.cwd(), FOLDERS.filter(existsSync));
    expect(violationsIn(result)).toEqual([]);
    // A compiler that the checker does not understand makes it pass with nothing seen.
    expect(result.summary.totalCruised).toBeGreaterThan(100);
    expect(result.summary.totalDependenciesCruised ?? 0).toBeGreaterThan(200);
  });
});

describe('A planted violation', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'import-rules-'));
    await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
    await writeFile(join(root, 'package.json'), await readFile('package.json'));
    await writeFile(join(root, 'tsconfig.json'), await readFile('tsconfig.json'));
  });
  afterEach(() => rm(root, { recursive: true }));

  /** Writes files and answers with the names of the broken rules. */
  async function plant(files: Record<string, string>): Promise<string[]> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const folders = [...new Set(Object.keys(files).map((path) => path.split('/')[0]!))];
    const result = await check(root, folders);
    return [...new Set(result.summary.violations.map((violation) => violation.rule.name))];
  }
  const thing = 'export const thing = 1;\n';
  const importing = (from: string) => `import { thing } from '${from}';\nexport const other = thing;\n`;

  it.each([
    ['domain-is-pure', 'domain/matching/a.ts', "import { readFileSync } from 'node:fs';\nexport const a = readFileSync;\n", {}],
    ['domain-is-pure', 'domain/matching/a.ts', "import pg from 'pg';\nexport const a = pg;\n", {}],
    ['domain-is-pure', 'domain/matching/a.ts', importing('#infra/b.ts'), { 'infra/b.ts': thing }],
    ['domain-contexts-are-apart', 'domain/matching/a.ts', importing('../payments/b.ts'), { 'domain/payments/b.ts': thing }],
    ['domain-contexts-are-apart', 'domain/matching/a.ts', importing('#domain/payments/b.ts'), { 'domain/payments/b.ts': thing }],
    ['domain-contexts-are-apart', 'domain/matching/a.ts', importing('../deciders.ts'), { 'domain/deciders.ts': thing }],
    ['kernel-stands-alone', 'domain/kernel/a.ts', importing('../matching/b.ts'), { 'domain/matching/b.ts': thing }],
    ['applications-are-apart', 'projections/matching/a.ts', importing('#command-api/b.ts'), { 'command-api/b.ts': thing }],
    ['applications-are-apart', 'command-api/a.ts', importing('#process-managers/b.ts'), { 'process-managers/b.ts': thing }],
    ['applications-are-apart', 'realtime/a.ts', importing('#app/b.ts'), { 'app/b.ts': thing }],
    ['query-api-reads-only', 'query-api/a.ts', importing('#command-api/b.ts'), { 'command-api/b.ts': thing }],
    ['infra-knows-no-feature', 'infra/a.ts', importing('#domain/matching/b.ts'), { 'domain/matching/b.ts': thing }],
    ['infra-knows-no-feature', 'infra/a.ts', importing('#projections/b.ts'), { 'projections/b.ts': thing }],
    [
      'no-cycles',
      'infra/a.ts',
      `${importing('./b.ts')}`,
      { 'infra/b.ts': "import { other } from './a.ts';\nexport const thing = () => other;\n" },
    ],
    ['everything-resolves', 'infra/a.ts', importing('./nowhere.ts'), {}],
  ])('of %s is found in %s', async (rule, path, text, others) => {
    expect(await plant({ [path]: text, ...others })).toContain(rule);
  });

  it('is not seen where there is none: query-api may name a row, infra the kernel, an application the domain', async () => {
    expect(
      await plant({
        'query-api/a.ts': importing('#projections/rows.ts'),
        'projections/rows.ts': "export { thing } from '#domain/matching/b.ts';\n",
        'domain/matching/b.ts': "export { thing } from '../kernel/c.ts';\n",
        'domain/kernel/c.ts': thing,
        'infra/a.ts': importing('#domain/kernel/c.ts'),
      }),
    ).toEqual([]);
  });
});
