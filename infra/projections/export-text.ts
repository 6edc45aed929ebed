import type { Encoder, Values } from './export-encoder.ts';
import type { Column } from './tables.ts';

/** One JSON object per line. An integer too large for a number is written as text. */
export function ndjsonEncoder(columns: readonly Column[]): Encoder {
  const exact = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
  const line = (row: Values): string => `${JSON.stringify(Object.fromEntries(columns.map(({ name }) => [name, exact(row[name])])))}\n`;
  return { begin: () => Buffer.alloc(0), take: (page) => Buffer.from(page.map(line).join('')), end: () => Buffer.alloc(0) };
}

/** As RFC 4180 has it, with a line of names. Nothing at all is null; an empty text is quoted. */
export function csvEncoder(columns: readonly Column[]): Encoder {
  const line = (row: Values): string => `${columns.map(({ name, type }) => cell(row[name], type)).join(',')}\r\n`;
  return {
    begin: () => Buffer.from(`${columns.map(({ name }) => name).join(',')}\r\n`),
    take: (page) => Buffer.from(page.map(line).join('')),
    end: () => Buffer.alloc(0),
  };
}

function cell(value: unknown, type: Column['type']): string {
  if (value === null || value === undefined) return '';
  const text = type === 'json' || type === 'text[]' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
