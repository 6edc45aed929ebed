import type { Json, JsonObject } from '../http/json.ts';
import { isJsonObject } from '../http/json.ts';
import { invalid } from './errors.ts';
import type { Parameters } from './form.ts';
import type { StripeStore } from './store.ts';

function expandOne(store: StripeStore, value: Json, path: string[]): Json {
  const [field, ...rest] = path;
  if (field === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => expandOne(store, item, path));
  if (!isJsonObject(value)) return value;
  const inner = value[field];
  if (inner === undefined) throw invalid(`This property cannot be expanded (${field}).`, 'expand');
  const found = typeof inner === 'string' ? (store.lookUp(inner) ?? inner) : inner;
  return { ...value, [field]: expandOne(store, found, rest) };
}

/** Puts whole objects in the places of their ids that `expand[]` names, such as `latest_charge.balance_transaction`. */
export function expandBody(store: StripeStore, body: JsonObject, params: Parameters): JsonObject {
  const wanted = params['expand'];
  if (!Array.isArray(wanted)) return body;
  return wanted.reduce<JsonObject>((result, path) => expandOne(store, result, String(path).split('.')) as JsonObject, body);
}
