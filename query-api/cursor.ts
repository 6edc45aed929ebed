import { z } from 'zod';

/** Where the next page of a list begins, as clients hold it: opaque, and nothing that they could use for anything else. */
export function writeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** Reads a cursor back as the places that a list is ordered by; anything else is a wrong query. */
export function cursorOf<P extends [z.ZodType, ...z.ZodType[]]>(places: P) {
  return z
    .string()
    .max(300)
    .transform((text, context) => {
      const read = z.tuple(places).safeParse(parsed(text));
      if (read.success) return read.data;
      context.addIssue({ code: 'custom', message: 'must be the `next` of an earlier page' });
      return z.NEVER;
    });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
