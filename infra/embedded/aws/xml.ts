/** Text made safe for XML. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll('\r', '&#13;');
}

/** What an element may hold: text, elements by name (a list repeats its name), or nothing. */
export type XmlContent = string | number | boolean | undefined | XmlElements;
/** Elements by name. */
export interface XmlElements {
  [name: string]: XmlContent | XmlContent[];
}

function write(name: string, content: XmlContent | XmlContent[]): string {
  if (content === undefined) return '';
  if (Array.isArray(content)) return content.map((item) => write(name, item)).join('');
  const inner = typeof content === 'object' ? writeAll(content) : escape(String(content));
  return `<${name}>${inner}</${name}>`;
}

function writeAll(elements: XmlElements): string {
  return Object.entries(elements)
    .map(([name, content]) => write(name, content))
    .join('');
}

/** A document with one root element. */
export function xmlDocument(root: string, elements: XmlElements, namespace?: string): string {
  const xmlns = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${xmlns}>${writeAll(elements)}</${root}>`;
}
