import type { EffectDefinition, ProcessManager } from '#domain/kernel/consumer.ts';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import { refusalCode } from '#domain/kernel/refusal.ts';

/** What the catalogue is written from: the declarations themselves. */
export interface Declarations {
  readonly deciders: readonly AnyDecider[];
  readonly processManagers: readonly ProcessManager[];
  readonly effects: readonly EffectDefinition[];
}

/** The whole of `domain/README.md`: every aggregate with its commands, events and refusals, every policy and every effect. */
export function renderCatalogue({ deciders, processManagers, effects }: Declarations): string {
  const contexts = [...new Set(deciders.map((decider) => decider.context))];
  return [
    '# The catalogue of the domain',
    '',
    'Every command, event, refusal and policy of the system, written from the code by `npm run catalogue`; a spec fails when the two differ.',
    'Personal fields are encrypted under the key of the person in brackets. A refusal shows as its code and the kind that decides its HTTP status.',
    '',
    ...contexts.flatMap((context) => [
      `## ${capitalised(context)}`,
      '',
      ...(context === 'operations' ? [OF_OPERATIONS, ''] : []),
      ...deciders.filter((decider) => decider.context === context).flatMap(aggregate),
      ...policies(processManagers.filter((manager) => manager.context === context)),
    ]),
    '## Effects',
    '',
    'The only places where the outside world is touched after an event. Each says how it is undone.',
    '',
    ...table(
      ['effect', 'what it does', 'undone by'],
      effects.map((effect) => [
        code(effect.type),
        effect.sentence,
        'by' in effect.undo ? code(effect.undo.by) : `irreversible: ${effect.undo.irreversible}`,
      ]),
    ),
  ].join('\n');
}

const OF_OPERATIONS =
  'What people ask of the engines, one stream for each group of consumers. No part of the domain: no projection and no policy can react to it.';

function aggregate(decider: AnyDecider): string[] {
  return [
    `### ${decider.aggregateType}`,
    '',
    `Stream \`${decider.aggregateType}-{${decider.idField}}\`.`,
    '',
    ...table(
      ['command', 'what it asks', 'facts it needs'],
      decider.commands.map((command) => [code(command.type), command.sentence, fieldsOf(command.facts).map(code).join(', ')]),
    ),
    ...table(
      ['event', 'what happened', 'version', 'personal fields'],
      decider.events.map((event) => [
        code(event.type),
        event.sentence,
        event.version,
        Object.entries(event.personal)
          .map(([field, subject]) => `${code(field)} (${subject})`)
          .join(', '),
      ]),
    ),
    ...table(
      ['refusal', 'what it says', 'kind'],
      decider.refusals.map((refusal) => [code(refusalCode(refusal)), refusal.sentence, refusal.kind]),
    ),
  ];
}

function policies(managers: readonly ProcessManager[]): string[] {
  if (managers.length === 0) return [];
  return [
    '### Policies',
    '',
    ...table(
      ['policy', 'what it does', 'whenever'],
      managers.map((manager) => [code(manager.name), manager.sentence, Object.keys(manager.on).map(code).join(', ')]),
    ),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

function fieldsOf(schema: unknown): string[] {
  const shape = (schema as { shape?: Record<string, unknown> } | undefined)?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

const code = (text: string) => `\`${text}\``;
const capitalised = (word: string) => word[0]!.toUpperCase() + word.slice(1);
