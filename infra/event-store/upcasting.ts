import type { EventDefinition, PersonalFields } from '#domain/kernel/event.ts';

/** Reads an older version of an event as the next one. Pure; it sees clear text. */
export interface Upcaster {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  /** Which fields of the older version are personal, and whose; default: as declared now. */
  readonly personal?: PersonalFields;
  upcast(data: Readonly<Record<string, unknown>>): object;
}

/** The way from every version ever written to the one declared now. */
export class Upcasting {
  readonly #definitions: ReadonlyMap<string, EventDefinition>;
  readonly #upcasters = new Map<string, Upcaster>();

  constructor(definitions: ReadonlyMap<string, EventDefinition>, upcasters: readonly Upcaster[]) {
    this.#definitions = definitions;
    for (const upcaster of upcasters) {
      const key = keyOf(upcaster.type, upcaster.from);
      if (!definitions.has(upcaster.type)) throw new Error(`An upcaster is for ${upcaster.type}, which nothing declares`);
      if (this.#upcasters.has(key)) throw new Error(`Two upcasters are for ${upcaster.type} ${upcaster.from}`);
      this.#upcasters.set(key, upcaster);
    }
  }

  /** The personal fields of an event as it was written; undefined for a type that nothing declares. */
  personalFields(type: string, version: string | undefined): PersonalFields | undefined {
    const definition = this.#definitions.get(type);
    const upcaster = version === undefined || version === definition?.version ? undefined : this.#upcasters.get(keyOf(type, version));
    return upcaster?.personal ?? definition?.personal;
  }

  /** The data in today's version; undefined when no way leads there. Minor versions only add, so they need no upcaster. */
  upcast(type: string, version: string, data: Readonly<Record<string, unknown>>): object | undefined {
    const current = this.#definitions.get(type)?.version;
    if (version === current) return data;
    let at = version;
    let read: object = data;
    while (at !== current) {
      const upcaster = this.#upcasters.get(keyOf(type, at));
      if (upcaster === undefined) break;
      read = upcaster.upcast(read as Readonly<Record<string, unknown>>);
      at = upcaster.to;
    }
    return current !== undefined && major(at) === major(current) ? read : undefined;
  }
}

const keyOf = (type: string, version: string): string => `${type} ${version}`;
const major = (version: string): string => version.slice(0, version.indexOf('.'));
