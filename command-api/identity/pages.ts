import type { ConsentNotice } from './consent-notice.ts';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!);

/** A page of plain paragraphs; `form` is HTML that was escaped before. */
export function pageOf(title: string, paragraphs: readonly string[], form = ''): string {
  const text = paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>`).join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>${escaped(title)}</title></head>
<body>
<main>
<h1>${escaped(title)}</h1>
${text}
${form}
</main>
</body>
</html>
`;
}

/** A page that does nothing until somebody presses the button: following the link spends no token. */
export function verificationForm(token: string): string {
  const form = `<form method="post" action="/auth/verify-email/form"><input type="hidden" name="token" value="${escaped(token)}"><button>Confirm this address</button></form>`;
  return pageOf('Confirm your e-mail address', ['Press the button to confirm that this address is yours.'], form);
}

/** The notice with a tick box for each scope; nothing is ticked beforehand. */
export function consentForm(token: string, notice: ConsentNotice): string {
  const about = `${notice.child ?? 'A young person'} would like to take lessons with tutors at Chalkstream and has named you as parent or guardian.`;
  const action = `/consents/${encodeURIComponent(token)}/form`;
  const boxes = notice.scopes
    .filter(({ asked, granted }) => (notice.status === 'Granted' ? granted : asked))
    .map(({ scope, meaning }) => `<p><label><input type="checkbox" name="scope" value="${scope}"> ${escaped(meaning)}</label></p>`)
    .join('\n');
  const button = (decision: string, label: string) => `<button name="decision" value="${decision}">${label}</button>`;
  const form = (buttons: string) => `<form method="post" action="${action}">\n${boxes}\n${buttons}\n</form>`;
  switch (notice.status) {
    case 'Requested':
      return pageOf(
        'Your consent',
        [about, ...notice.rights],
        form(`${button('grant', 'I consent to what is ticked')} ${button('deny', 'I do not consent')}`),
      );
    case 'Granted':
      return pageOf('You have consented', [about, ...notice.rights], form(button('revoke', 'Take back what is ticked')));
    case 'Denied':
    case 'Expired':
    case 'Revoked':
      return pageOf('Nothing to decide', [about, 'This request is over. If your child asks again, you get another mail.']);
  }
}
