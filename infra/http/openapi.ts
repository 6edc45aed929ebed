import { z } from 'zod';
import { refusalCode, type RefusalClass } from '#domain/kernel/refusal.ts';
import type { EndpointOptions } from './endpoint.ts';
import { EDGE_PROBLEMS, PROBLEM_JSON, STATUS_OF } from './problems.ts';
import type { RegisteredEndpoint } from './server.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** What a document says of the whole API. */
export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Where the API is. */
  readonly url: string;
  /** `bearer`: access tokens; `signature`: the internal API's. */
  readonly security: 'bearer' | 'signature';
  /** Every refusal of the domain: their codes are part of the contract. */
  readonly refusals: readonly RefusalClass[];
}

/** Statuses that any endpoint may answer with, whatever it does. */
const ALWAYS = [400, 429, 500, 503];

/** The OpenAPI 3.1 document of a server, from the declarations of its endpoints. */
export function openApi(info: ApiInfo, endpoints: readonly RegisteredEndpoint[]): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint, path, info.security);
  }
  const { title, version, description } = info;
  return {
    openapi: '3.1.0',
    info: { title, version, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: info.url }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        signature: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'AWS4-HMAC-SHA256, with the key of a service.' },
      },
      schemas: { Problem: problemSchema },
      responses: {
        Problem: {
          description: 'What went wrong, by its code.',
          content: { [PROBLEM_JSON]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      headers: { 'X-Correlation-ID': { description: 'On every event and log line that followed.', schema: { type: 'string' } } },
    },
    'x-problem-codes': problemCodes(info.refusals),
  };
}

function operation({ method, path, options }: RegisteredEndpoint, documentPath: string, security: ApiInfo['security']): Json {
  const reading = method === 'GET';
  const status = String(options.status ?? (method === 'POST' ? 201 : 200));
  const open = options.actors === 'anyone';
  const failures = new Set([
    ...ALWAYS,
    ...(open ? [] : [401, 403]),
    ...(path.includes(':') ? [404] : []),
    ...(reading ? [] : [404, 409, 413, 415, 422]),
  ]);
  return {
    operationId: operationId(method, documentPath),
    summary: options.summary,
    tags: [path.split('/').find((part) => part !== '' && !part.startsWith(':')) ?? 'root'],
    security: open ? [] : [{ [security]: [] }],
    'x-actors': options.actors === 'anyone' ? ['anyone'] : [...options.actors],
    ...(options.rate === 'strict' ? { 'x-rate-limit': 'strict' } : {}),
    parameters: parametersOf(options, documentPath, reading),
    ...requestBodyOf(options, reading),
    responses: {
      [status]: {
        description: 'Done.',
        headers: { 'X-Correlation-ID': { $ref: '#/components/headers/X-Correlation-ID' } },
        ...contentOf(options),
      },
      ...Object.fromEntries([...failures].sort().map((code) => [String(code), { $ref: '#/components/responses/Problem' }])),
    },
  };
}

/** `GET /lessons/{id}/status` is `getLessonsByIdStatus`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[/.-]/).filter((part) => part !== '');
  const names = words.map((word) => (word.startsWith('{') ? `By${capital(word.slice(1, -1))}` : capital(word)));
  return method.toLowerCase() + names.join('');
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function parametersOf(options: EndpointOptions, path: string, reading: boolean): Json {
  const described = properties(options.params);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: described.find((property) => property.name === name)?.schema ?? { type: 'string' },
  }));
  const inQuery = properties(options.query).map(({ name, required, schema }) => ({ name, in: 'query', required, schema }));
  const header = (name: string, description: string): Json => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  });
  return [
    ...inPath,
    ...inQuery,
    header('X-Correlation-ID', '8 to 64 letters, digits, dots, dashes or underscores; one is made when it is missing.'),
    ...(reading ? [] : [header('Idempotency-Key', 'The same key and body get the same answer for 24 hours.')]),
    ...(reading && (options.reads ?? []).length > 0
      ? [header('X-Min-Position', 'Position of a command whose outcome must be seen; waits for it.')]
      : []),
  ];
}

function requestBodyOf(options: EndpointOptions, reading: boolean): JsonObject {
  if (options.rawBody === true) return { requestBody: { required: true, content: { '*/*': { schema: {} } } } };
  if (reading || options.body === undefined) return {};
  const required = !options.body.safeParse({}).success;
  return { requestBody: { required, content: { 'application/json': { schema: schemaOf(options.body, 'input') } } } };
}

function contentOf(options: EndpointOptions): JsonObject {
  if (options.status === 204) return {};
  return { content: { [options.produces ?? 'application/json']: { schema: schemaOf(options.response, 'output') } } };
}

/** The JSON schema of a zod schema, without the dialect that the whole document names already. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, Json>;
  return rest;
}

function properties(schema: z.ZodType | undefined): { name: string; required: boolean; schema: Json }[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({ name, required: required.includes(name), schema: property }));
}

const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'correlationId'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string', description: 'For people.' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'For programs: stable. All of them are in x-problem-codes.' },
    correlationId: { type: 'string' },
    details: { type: 'object', additionalProperties: true },
    errors: {
      type: 'array',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

function problemCodes(refusals: readonly RefusalClass[]): JsonObject {
  const ofDomain = refusals.map((refusal) => [refusalCode(refusal), { status: STATUS_OF[refusal.kind], title: refusal.sentence }] as const);
  return Object.fromEntries([...Object.entries(EDGE_PROBLEMS), ...ofDomain.sort(([a], [b]) => a.localeCompare(b))]);
}
