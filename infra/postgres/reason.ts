import pg from 'pg';

/** Texts that say nothing about anybody: ids, and so short that they would be found anywhere. */
const HARMLESS = /^(?:.{0,2}|[0-9a-f-]{36})$/s;

/**
 * An error as it may be stored and shown: short, without addresses of people, without the values that Postgres or JSON quote, without any text of
 * `about` (the data of an event or a command) but ids, and nothing that Postgres would refuse.
 */
export function reasonOf(error: unknown, about?: unknown): string {
  let text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (error instanceof SyntaxError || (error instanceof pg.DatabaseError && error.code?.startsWith('22') === true))
    text = text.replace(/"[^]*"/g, '"…"');
  for (const told of textsOf(about)) text = text.replaceAll(told, '…');
  return text
    .replace(/[^\s@"'<>]+@[^\s@"'<>]+/g, '[address]')
    .replaceAll('\u0000', '')
    .slice(0, 500)
    .toWellFormed();
}

/** Every text in a value, the longest first: none is left over because a part of it was taken out before. */
function textsOf(value: unknown): string[] {
  const texts = new Set<string>();
  const gather = (part: unknown): void => {
    if (typeof part === 'string') {
      if (HARMLESS.test(part)) return;
      texts.add(part);
      // As it reads when somebody puts the data itself into a message.
      texts.add(JSON.stringify(part).slice(1, -1));
    } else if (typeof part === 'object' && part !== null) for (const each of Object.values(part)) gather(each);
  };
  gather(value);
  return [...texts].toSorted((one, other) => other.length - one.length);
}
