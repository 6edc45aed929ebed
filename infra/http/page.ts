import { createHash } from 'node:crypto';
import type { ProblemDocument } from './problems.ts';

/** The media type of a page for people. */
export const HTML = 'text/html; charset=utf-8';

const STYLE = `:root{color-scheme:light dark;font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:36rem;margin:2rem auto;padding:0 1.25rem}
h1{font-size:1.6rem;line-height:1.2}
fieldset{margin:1.5rem 0;padding:.5rem 1rem;border:1px solid #8888;border-radius:.5rem}
label{display:flex;gap:.75rem;padding:.5rem 0}
input{flex:none;width:1.25rem;height:1.25rem;margin:.15rem 0}
button{font:inherit;margin:0 .5rem .75rem 0;padding:.6rem 1.1rem;border:1px solid #1a5fb4;border-radius:.5rem;background:Canvas;color:inherit;cursor:pointer}
button:first-of-type{background:#1a5fb4;color:#fff}`;

/** What a page says to browsers: its style and its forms, nothing else, and no address of a page goes anywhere, as it may hold a token. */
export const FOR_PAGES = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as HTML. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!);

const inParagraphs = (texts: readonly string[]): string => texts.map((text) => `<p>${escaped(text)}</p>`).join('\n');

/** A page: its text, a form (HTML that was escaped before), and what is said below the form. */
export function pageOf(title: string, text: readonly string[], form = '', below: readonly string[] = []): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>${escaped(title)} – Chalkstream</title><style>${STYLE}</style></head>
<body>
<main>
<h1>${escaped(title)}</h1>
${[inParagraphs(text), form, inParagraphs(below)].filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

/** A problem as a person who opened a link is told of it. */
export function problemPage({ title, status, correlationId }: ProblemDocument): string {
  return pageOf('That did not work', [
    title,
    ...adviceFor(status),
    `If you write to us about it, please name this number: ${correlationId}`,
  ]);
}

function adviceFor(status: number): string[] {
  if (status === 429 || status >= 500) return ['Please try again in a minute.'];
  if (status === 400 || status === 403 || status === 404)
    return [
      'Please check that the whole link of the mail was opened: long links are sometimes cut. Only the newest mail has a link that works.',
    ];
  return [];
}
