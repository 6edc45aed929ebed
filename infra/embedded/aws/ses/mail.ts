/** A mail as the readable outbox shows it. */
export interface Mail {
  from: string;
  to: string[];
  subject: string;
  text: string;
  html: string | null;
  tags: Record<string, string>;
}

/** Collects `Prefix.member.1`, `Prefix.member.2` … of a query-protocol form. */
function members(form: URLSearchParams, prefix: string): string[] {
  const found: string[] = [];
  for (let index = 1; form.has(`${prefix}.member.${index}`); index++) found.push(form.get(`${prefix}.member.${index}`) ?? '');
  return found;
}

function tagsOf(form: URLSearchParams): Record<string, string> {
  const tags: Record<string, string> = {};
  for (let index = 1; form.has(`Tags.member.${index}.Name`); index++) {
    tags[form.get(`Tags.member.${index}.Name`) ?? ''] = form.get(`Tags.member.${index}.Value`) ?? '';
  }
  return tags;
}

/** The mail of a SendEmail request. */
export function mailOfForm(form: URLSearchParams): Mail {
  return {
    from: form.get('Source') ?? '',
    to: ['ToAddresses', 'CcAddresses', 'BccAddresses'].flatMap((kind) => members(form, `Destination.${kind}`)),
    subject: form.get('Message.Subject.Data') ?? '',
    text: form.get('Message.Body.Text.Data') ?? '',
    html: form.get('Message.Body.Html.Data'),
    tags: tagsOf(form),
  };
}

function splitHead(source: string): { head: Record<string, string>; body: string } {
  const [rawHead = '', body = ''] = source.split(/\r?\n\r?\n([\s\S]*)/);
  const head: Record<string, string> = {};
  for (const line of rawHead.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const [name = '', value = ''] = line.split(/:\s*(.*)/s);
    head[name.toLowerCase()] = value;
  }
  return { head, body };
}

/** Decodes `=?utf-8?B?…?=` words of a header. */
function decodeWords(value: string): string {
  return value.replaceAll(/=\?[^?]+\?([BbQq])\?([^?]*)\?=/g, (_word, kind: string, data: string) =>
    kind.toUpperCase() === 'B' ? Buffer.from(data, 'base64').toString('utf8') : decodeQuoted(data.replaceAll('_', ' ')),
  );
}

function decodeQuoted(text: string): string {
  const bytes = text
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function decodeBody(head: Record<string, string>, body: string): string {
  const encoding = (head['content-transfer-encoding'] ?? '').toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  return encoding === 'quoted-printable' ? decodeQuoted(body) : body;
}

/** The first part of a kind in a message, looking into multiparts. */
function partOf(source: string, kind: string): string | undefined {
  const { head, body } = splitHead(source);
  const type = head['content-type'] ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (boundary === undefined) return type.toLowerCase().startsWith(kind) ? decodeBody(head, body) : undefined;
  for (const part of body.split(`--${boundary}`).slice(1)) {
    if (part.startsWith('--')) break;
    const found = partOf(part.replace(/^\r?\n/, '').replace(/\r?\n$/, ''), kind);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The mail of a SendRawEmail request, whose message is in MIME. */
export function mailOfRaw(form: URLSearchParams): Mail {
  const source = Buffer.from(form.get('RawMessage.Data') ?? '', 'base64').toString('utf8');
  const { head } = splitHead(source);
  const named = members(form, 'Destinations');
  const inHead = (['to', 'cc', 'bcc'] as const).flatMap((name) => (head[name] ?? '').split(',')).map((address) => address.trim());
  return {
    from: form.get('Source') ?? head['from'] ?? '',
    to: named.length > 0 ? named : inHead.filter((address) => address !== ''),
    subject: decodeWords(head['subject'] ?? ''),
    text: partOf(source, 'text/plain') ?? '',
    html: partOf(source, 'text/html') ?? null,
    tags: tagsOf(form),
  };
}

/** The bare address of `Name <address>`. */
export function bareAddress(address: string): string {
  return (/<([^>]+)>/.exec(address)?.[1] ?? address).trim().toLowerCase();
}
