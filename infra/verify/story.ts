import fc from 'fast-check';
import { z } from 'zod';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import type { EventDefinition, RecordedEvent } from '#domain/kernel/event.ts';
import { recorded } from '#domain/kernel/given-when-then.ts';
import { uuid } from '#domain/kernel/ids.ts';

/** What JSON Schema says of a value, as far as events need it. */
interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Shape | boolean;
  readonly propertyNames?: Shape;
  readonly items?: Shape;
  readonly prefixItems?: readonly Shape[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

const UUID_PATTERN = (z.toJSONSchema(uuid) as Shape).pattern;
/** So few that events of different streams meet in the same rows. */
const FEW = 6;
const MONDAY = Date.UTC(2026, 10, 23, 12);

export interface StoryOptions {
  /** How many people, lessons and so on there are; default 6. */
  readonly ids?: number;
  /** Least length of lists whose schema names none, default 0: rules that no schema shows may ask for one entry. */
  readonly shortest?: 0 | 1;
}

interface Choice {
  readonly decider: AnyDecider;
  readonly definition: EventDefinition;
}

/** Events that fit their schemas and mean nothing: what consumers must bear. The same seed tells the same story. */
export class Storyteller {
  #state: number;
  readonly #shortest: number;
  readonly #ids: readonly string[];
  #nth = 0;
  readonly #revisions = new Map<string, number>();
  readonly #shapes = new Map<EventDefinition, Shape>();

  constructor(
    private readonly deciders: readonly AnyDecider[],
    seed: number,
    options: StoryOptions = {},
  ) {
    this.#state = seed >>> 0;
    this.#shortest = options.shortest ?? 0;
    this.#ids = Array.from({ length: options.ids ?? FEW }, (_, nth) => {
      const hex = nth.toString(16).padStart(12, '0');
      return `01900000-0000-7000-8000-${hex}`;
    });
  }

  /** A story of `length` events, of these types only. Throws when no value of a type's schema can be made up. */
  tell(length: number, types: ReadonlySet<string>): RecordedEvent[] {
    const choices = this.#choices(types);
    if (choices.length === 0) return [];
    return Array.from({ length }, () => this.#happens(this.#pick(choices)));
  }

  /** A story in rounds: in each of them every one of these types occurs once, in an order of its own. Throws as {@link tell} does. */
  tellAll(rounds: number, types: ReadonlySet<string>): RecordedEvent[] {
    return Array.from({ length: rounds }, () => this.#shuffled(this.#choices(types)))
      .flat()
      .map((choice) => this.#happens(choice));
  }

  #choices(types: ReadonlySet<string>): Choice[] {
    return this.deciders.flatMap((decider) =>
      decider.events.filter(({ type }) => types.has(type)).map((definition) => ({ decider, definition })),
    );
  }

  #happens({ decider, definition }: Choice): RecordedEvent {
    const data = this.#dataOf(definition);
    const id = (data as Record<string, unknown>)[decider.idField];
    const aggregateId = typeof id === 'string' ? id : this.#pick(this.#ids);
    const stream = `${decider.aggregateType}-${aggregateId}`;
    const revision = this.#revisions.get(stream) ?? 0;
    this.#revisions.set(stream, revision + 1);
    this.#nth++;
    const place = {
      aggregateType: decider.aggregateType,
      aggregateId,
      nth: revision,
      at: new Date(MONDAY + this.#nth * 1_000).toISOString(),
    };
    return { ...recorded({ type: definition.type, data }, place), position: BigInt(this.#nth * 100) };
  }

  #dataOf(definition: EventDefinition): object {
    let shape = this.#shapes.get(definition);
    if (shape === undefined) this.#shapes.set(definition, (shape = z.toJSONSchema(definition.schema, { unrepresentable: 'any' }) as Shape));
    for (let tries = 0; tries < 200; tries++) {
      const parsed = definition.schema.safeParse(this.#value(shape));
      if (parsed.success) return parsed.data;
    }
    throw new Error(`No data could be made up for ${definition.type}.`);
  }

  #value(shape: Shape): unknown {
    if ('const' in shape) return shape.const;
    if (shape.enum !== undefined) return this.#pick(shape.enum);
    const union = shape.anyOf ?? shape.oneOf;
    if (union !== undefined) return this.#value(this.#pick(union));
    switch (shape.type) {
      case 'object':
        return this.#object(shape);
      case 'array':
        return shape.prefixItems === undefined
          ? Array.from({ length: this.#between(shape.minItems ?? this.#shortest, Math.min(shape.maxItems ?? 3, 3)) }, () =>
              this.#value(shape.items ?? {}),
            )
          : shape.prefixItems.map((item) => this.#value(item));
      case 'integer':
      case 'number':
        return this.#number(shape);
      case 'boolean':
        return this.#random() < 0.5;
      case 'string':
        return this.#text(shape);
      case 'null':
        return null;
      default:
        return this.#pick(['something', 7, true, null]);
    }
  }

  /** Small numbers often, since rules tell apart the first from the second; seldom 0, since rules that no schema shows may ask for something. */
  #number({ minimum, exclusiveMinimum = -1, maximum = 10_000 }: Shape): number {
    const least = Math.max(minimum ?? exclusiveMinimum + 1, -5);
    const most = Math.min(maximum, 10_000);
    if (this.#random() < 0.5 || most < 1) return this.#between(least, most);
    return this.#between(Math.max(least, 1), Math.min(Math.max(least, 1) + 3, most));
  }

  #object(shape: Shape): object {
    const entries: [string, unknown][] = [];
    for (const [name, property] of Object.entries(shape.properties ?? {})) {
      if ((shape.required ?? []).includes(name) || this.#random() < 0.6) entries.push([name, this.#value(property)]);
    }
    if (shape.propertyNames !== undefined && typeof shape.additionalProperties === 'object') {
      const names = shape.propertyNames.enum ?? [this.#value(shape.propertyNames)];
      for (const name of names) entries.push([String(name), this.#value(shape.additionalProperties)]);
    }
    return Object.fromEntries(entries);
  }

  #text({ pattern, format, minLength = 0, maxLength = 40 }: Shape): string {
    if (pattern === UUID_PATTERN) return this.#pick(this.#ids);
    if (format === 'date-time') return new Date(MONDAY + this.#between(-1_000, 1_000) * 60_000).toISOString();
    if (format === 'date') return new Date(MONDAY + this.#between(-400, 400) * 86_400_000).toISOString().slice(0, 10);
    if (format === 'email') return `${this.#pick(['ada', 'bob'])}@example.org`;
    if (pattern !== undefined && format === undefined) return this.#matching(pattern);
    const text = this.#pick([
      '',
      'a',
      'Zoë',
      'tab\tline\n"quote" \\ {brace}',
      "it's",
      'Europe/Paris',
      'America/New_York',
      'long '.repeat(8),
    ]).slice(0, maxLength);
    return text.padEnd(minLength, 'x');
  }

  #matching(pattern: string): string {
    const [text] = fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 1, seed: this.#between(0, 2 ** 30) });
    return pattern.includes('36}_') ? `${this.#pick(this.#ids)}_${this.#pick(this.#ids)}` : text!;
  }

  #shuffled<T>(things: readonly T[]): T[] {
    return things
      .map((thing) => ({ thing, place: this.#random() }))
      .toSorted((one, other) => one.place - other.place)
      .map(({ thing }) => thing);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!;
  }

  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  /** Mulberry32: small, and the same everywhere. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
