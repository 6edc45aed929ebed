/** Any JSON value. */
export type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };

/** A JSON object. */
export type JsonObject = { [name: string]: Json };

/** Whether a JSON value is an object (and not a list or null). */
export function isJsonObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
