import { z } from 'zod';
import { invalid } from './errors.ts';
import type { Parameters } from './form.ts';

/** A whole number sent as text. */
export const integer = z
  .string()
  .regex(/^-?\d+$/, 'integer')
  .transform(Number)
  .refine(Number.isSafeInteger, 'integer');
/** An amount in minor units, at least 1. */
export const amount = integer.refine((value) => value >= 1, 'positive');
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
/** An ISO 4217 code; Stripe answers with lower case whatever was sent. */
export const currency = z
  .string()
  .regex(/^[a-zA-Z]{3}$/)
  .transform((value) => value.toLowerCase());
export const metadata = z.record(z.string().max(40), z.string().max(500));
const expand = z.array(z.string()).optional();
const since = z.strictObject({ gt: integer.optional(), gte: integer.optional(), lt: integer.optional(), lte: integer.optional() });

/** What every list takes. */
export const listShape = {
  limit: integer.refine((value) => value >= 1 && value <= 100, 'limit').optional(),
  starting_after: z.string().optional(),
  ending_before: z.string().optional(),
  created: since.optional(),
};

/** A parameter that is not in the schema is an error, as it is for Stripe; `expand` and the publishable `key` are allowed everywhere. */
export function schema<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject({ ...shape, expand, key: z.string().optional() });
}

function paramName(path: PropertyKey[]): string {
  return path.map((step, index) => (index === 0 ? String(step) : `[${String(step)}]`)).join('');
}

/** Parses decoded form parameters; the first fault becomes Stripe's answer for it. */
export function parse<Schema extends z.ZodType>(form: Schema, params: Parameters): z.output<Schema> {
  const result = form.safeParse(params);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (!issue) throw invalid('Invalid request');
  if (issue.code === 'unrecognized_keys') {
    const name = paramName([...issue.path, issue.keys[0] ?? '']);
    throw invalid(`Received unknown parameter: ${name}`, name, 'parameter_unknown');
  }
  const name = paramName(issue.path);
  const given = issue.path.reduce<unknown>((value, step) => (value as Record<PropertyKey, unknown> | undefined)?.[step], params);
  if (given === undefined) throw invalid(`Missing required param: ${name}.`, name, 'parameter_missing');
  if (issue.message === 'integer') throw invalid(`Invalid integer: ${String(given)}`, name, 'parameter_invalid_integer');
  if (issue.message === 'positive') throw invalid('This value must be greater than or equal to 1.', name, 'parameter_invalid_integer');
  throw invalid(`Invalid ${name}`, name);
}
