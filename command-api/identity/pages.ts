import { escaped, pageOf } from '#infra/http/page.ts';
import type { ConsentNotice } from './consent-notice.ts';

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
    .map(({ scope, meaning }) => `<label><input type="checkbox" name="scope" value="${scope}"> ${escaped(meaning)}</label>`)
    .join('\n');
  const button = (decision: string, label: string) => `<button name="decision" value="${decision}">${label}</button>`;
  const form = (legend: string, buttons: string) =>
    `<form method="post" action="${action}">\n<fieldset><legend>${legend}</legend>\n${boxes}\n</fieldset>\n${buttons}\n</form>`;
  switch (notice.status) {
    case 'Requested':
      return pageOf(
        'Your consent',
        [about, 'Please tick what you allow. Each purpose stands on its own.'],
        form('What you allow', `${button('grant', 'I consent to what is ticked')} ${button('deny', 'I do not consent')}`),
        notice.rights,
      );
    case 'Granted':
      return pageOf(
        'You have consented',
        [about, 'You have allowed what is listed here. Tick what you want to take back.'],
        form('What you take back', button('revoke', 'Take back what is ticked')),
        notice.rights,
      );
    case 'Denied':
    case 'Expired':
    case 'Revoked':
      return pageOf('Nothing to decide', [about, 'This request is over. If your child asks again, you get another mail.']);
  }
}

/** What a parent reads after an answer. */
export function consentThanks(decision: 'grant' | 'deny' | 'revoke'): string {
  switch (decision) {
    case 'grant':
      return pageOf('Thank you', ['Your consent is recorded. Keep the mail: with the same link you can take it back at any time.']);
    case 'deny':
      return pageOf('Thank you', ['It is recorded that you do not consent. If your child asks again, you get another mail.']);
    case 'revoke':
      return pageOf('Thank you', ['What you ticked is taken back.']);
  }
}
