/** A decoded parameter: text, a list, or named parameters. */
export type Parameter = string | Parameter[] | Parameters;
/** Named parameters. */
export interface Parameters {
  [name: string]: Parameter;
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

function isNamed(value: Parameter | undefined): value is Parameters {
  return typeof value === 'object' && !Array.isArray(value);
}

/** A level whose names are 0, 1, 2 … or empty is a list. */
function asLists(value: Parameter): Parameter {
  if (!isNamed(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, asLists(inner)] as const);
  if (entries.length > 0 && entries.every(([name], index) => name === String(index))) return entries.map(([, inner]) => inner);
  return Object.fromEntries(entries);
}

/** Decodes a form or query string in Stripe's nested notation: `a=1`, `a[b]=1`, `a[]=1`, `a[0][b]=1`. */
export function decodeForm(text: string): Parameters {
  const root: Parameters = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const path = [...key.matchAll(/^[^[]+|\[([^\]]*)\]/g)].map((match) => match[1] ?? match[0]);
    if (path.some((name) => FORBIDDEN.has(name))) continue;
    let level = root;
    path.forEach((rawName, depth) => {
      const name = rawName === '' ? String(Object.keys(level).length) : rawName;
      if (depth === path.length - 1) {
        level[name] = value;
        return;
      }
      const next = level[name];
      if (isNamed(next)) level = next;
      else level = level[name] = {};
    });
  }
  return Object.fromEntries(Object.entries(root).map(([name, value]) => [name, asLists(value)]));
}
