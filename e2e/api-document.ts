import { randomUUID } from 'node:crypto';

/** As much of a JSON schema as the declarations of endpoints give. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

/** An endpoint as the document describes it. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly actors: readonly string[];
  readonly parameters: readonly Parameter[];
  /** Undefined when it takes no JSON. */
  readonly body: Schema | undefined;
  /** Whether it takes bytes of any media type. */
  readonly raw: boolean;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly 'x-actors': readonly string[];
            readonly parameters: readonly Parameter[];
            readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
          }
        >
      >
    >
  >;
}

/** Every endpoint of a server, from its document. */
export async function operationsOf(url: string): Promise<Operation[]> {
  const { paths } = (await (await fetch(`${url}/docs/openapi.json`)).json()) as Document;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { 'x-actors': actors, parameters, requestBody }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      actors,
      parameters,
      body: requestBody?.content['application/json']?.schema,
      raw: requestBody?.content['*/*'] !== undefined,
    })),
  );
}

/** The address of an operation: ids as given or made up, required queries filled in. */
export function addressOf({ path, parameters }: Operation, ids: Readonly<Record<string, string>> = {}): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const schema = parameters.find((parameter) => parameter.in === 'path' && parameter.name === name)?.schema ?? {};
    return encodeURIComponent(ids[name] ?? String(sampleOf(schema)));
  });
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name, schema }): [string, string] => [name, String(sampleOf(schema))]);
  return query.length === 0 ? filled : `${filled}?${new URLSearchParams(query)}`;
}

/** Texts that between them fit the patterns and formats in use. */
const TEXTS = (): string[] => [
  'maths',
  randomUUID().replace(/^(.{14})./, '$17'),
  'somebody@example.org',
  new Date(Date.now() + 3 * 86_400_000).toISOString(),
  '2001-02-03',
  'Europe/Berlin',
  'en-GB',
  'en',
  'usd',
  '09:30',
  '123456',
  'https://example.org/file',
  'a-long-enough-Passw0rd!',
  'x'.repeat(64),
  `${randomUUID()}_${randomUUID()}`,
];

/** A value that fits a schema, as small as it may be. */
export function sampleOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const [choice] = schema.anyOf ?? schema.oneOf ?? [];
  if (choice !== undefined) return sampleOf(choice);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]));
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}));
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return textFor(schema);
  }
}

function textFor({ pattern, minLength = 0, maxLength = Infinity, allOf = [] }: Schema): string {
  const patterns = [pattern, ...allOf.map((part) => part.pattern)]
    .filter((text) => text !== undefined)
    .map((text) => new RegExp(text, 'u'));
  const found = TEXTS().find((text) => text.length >= minLength && text.length <= maxLength && patterns.every((fits) => fits.test(text)));
  return found ?? 'a'.repeat(Math.max(minLength, 1));
}

/** Bodies that do not fit: of the wrong type, empty where something is required, and each property of the wrong type. */
export function wrongBodies(schema: Schema): readonly unknown[] {
  const wrong: unknown[] = [[], 'text', 17];
  if ((schema.required ?? []).length > 0) wrong.push({});
  const fitting = sampleOf(schema) as Record<string, unknown>;
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    if (property.type !== undefined || property.enum !== undefined) wrong.push({ ...fitting, [name]: { not: ['this'] } });
  return wrong;
}
