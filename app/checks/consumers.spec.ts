import { describe, expect, it } from '@jest/globals';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { deciders } from '#domain/deciders.ts';
import { reactionsTo, rowsAfter } from '#domain/kernel/given-when-then.ts';
import { processManagers } from '#process-managers/process-managers.ts';
import { readModels } from '#projections/read-models.ts';
import { storyOf, storyOfManagers } from './stories.ts';

interface Consumer {
  readonly name: string;
  readonly on: object;
}

const typesOf = (consumers: readonly Consumer[]) => new Set(consumers.flatMap(({ on }) => Object.keys(on)));

/** Where the consumers of a folder are declared: each with its name in the code and its file. */
async function declarationsIn(folder: string): Promise<{ consumer: unknown; name: string; file: string }[]> {
  const files = globSync(`${folder}/*/*.ts`).filter((file) => !file.endsWith('.spec.ts'));
  const modules = await Promise.all(files.map(async (file) => ({ file, exports: (await import(join(process.cwd(), file))) as object })));
  return modules.flatMap(({ file, exports }) => Object.entries(exports).map(([name, consumer]) => ({ consumer, name, file })));
}

/** The consumers that no spec beside them imports and hands to `asks`, by their file. */
async function withoutSpec(folder: string, consumers: readonly Consumer[], asks: string): Promise<string[]> {
  const specs = await Promise.all(
    globSync(`${folder}/*/*.spec.ts`).map(async (file) => ({ folder: dirname(file), text: await readFile(file, 'utf8') })),
  );
  const declarations = (await declarationsIn(folder)).filter(({ consumer }) => (consumers as readonly unknown[]).includes(consumer));
  expect(declarations).toHaveLength(consumers.length);
  return declarations
    .filter(({ name, file }) => {
      const imported = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '\\./${basename(file).replaceAll('.', '\\.')}'`);
      const used = new RegExp(`\\b${name}\\b(?![^{]*\\} from)`);
      return !specs.some(
        (spec) => spec.folder === dirname(file) && imported.test(spec.text) && used.test(spec.text) && spec.text.includes(`${asks}(`),
      );
    })
    .map(({ file, name }) => `${file}: ${name}`);
}

describe('Every consumer of events', () => {
  it('of the kind read model has a spec: given events, then rows', async () =>
    expect(await withoutSpec('projections', readModels, 'rowsAfter')).toEqual([]));
  it('of the kind process manager has a spec: given an event, then commands', async () =>
    expect(await withoutSpec('process-managers', processManagers, 'reactionsTo')).toEqual([]));
  it('handles events that exist', () => {
    const declared = new Set(deciders.flatMap(({ events }) => events.map(({ type }) => type)));
    expect([...typesOf([...readModels, ...processManagers])].filter((type) => !declared.has(type))).toEqual([]);
  });
});

describe('The stories of the verify kit', () => {
  it('hold every event that a read model handles, thrice', () => {
    for (const model of readModels) {
      const told = storyOf(model).map(({ type }) => type);
      expect({ model: model.name, told: told.toSorted() }).toEqual({
        model: model.name,
        told: [...Object.keys(model.on), ...Object.keys(model.on), ...Object.keys(model.on)].toSorted(),
      });
    }
  });
  it('hold every event that a process manager handles', () =>
    expect(new Set(storyOfManagers(1).map(({ type }) => type))).toEqual(typesOf(processManagers)));
  it('bring every read model to rows, and change them', () => {
    const dull = readModels.filter((model) => {
      const story = storyOf(model);
      const versions = story.map((_, last) => JSON.stringify(rowsAfter(model, ...story.slice(0, last + 1))));
      return new Set(versions).size < 3;
    });
    expect(dull.map(({ name }) => name)).toEqual([]);
  });
  it('bring every process manager to a reaction, and to a timer when it ever sets one', () => {
    const reacting = (rounds: number, timed: boolean) => {
      const story = storyOfManagers(rounds);
      const those = processManagers.filter((manager) =>
        story.some((event) => reactionsTo(manager, event).some(({ due }) => !timed || due !== undefined)),
      );
      return new Set(those.map(({ name }) => name));
    };
    expect(reacting(1, false)).toEqual(new Set(processManagers.map(({ name }) => name)));
    expect(reacting(3, true)).toEqual(reacting(20, true));
  });
});
