import { inTransaction } from '../http/database.ts';
import type { StandInAnswer, StandInRequest } from '../http/server.ts';
import { StripeRefusal } from './errors.ts';
import type { Ledger } from './ledger.ts';
import { completeOnboarding, openLink } from './resources/accounts.ts';
import { answerChallenge } from './resources/confirm-intent.ts';
import type { PaymentIntent } from './resources/payment-intents.ts';
import type { World } from './world.ts';

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function page(status: number, title: string, content: string): StandInAnswer {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><body style="font:16px system-ui;margin:4rem auto;max-width:30rem">
<h1>${title}</h1>${content}</body></html>`;
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }, body: html };
}

const redirect = (url: string): StandInAnswer => ({ status: 303, headers: { location: url } });

/** The page on which a payer passes or fails the challenge of their bank, and where it posts to. */
function challengePage(world: World, ledger: Ledger, request: StandInRequest, id: string): StandInAnswer {
  const form = new URLSearchParams(request.method === 'POST' ? request.body.toString('utf8') : request.rawQuery);
  const secret = form.get('client_secret') ?? request.query.get('client_secret');
  const intent = world.store.find<PaymentIntent>('payment_intent', id);
  if (!intent || secret !== intent.client_secret) return page(404, 'No such payment', '<p>The link is not valid.</p>');
  if (request.method !== 'POST') {
    const hidden = `<input type="hidden" name="client_secret" value="${escape(secret)}">`;
    const buttons = '<button name="outcome" value="passed">Complete</button> <button name="outcome" value="failed">Fail</button>';
    return page(
      200,
      '3-D Secure test page',
      `<p>Your bank asks you to confirm a payment.</p><form method="post">${hidden}${buttons}</form>`,
    );
  }
  const returnTo = (intent.next_action?.['redirect_to_url'] as { return_url?: string } | undefined)?.return_url;
  const answered = inTransaction(world.store.database, () => answerChallenge(world, ledger, intent, form.get('outcome') === 'passed'));
  if (returnTo === undefined) return { status: 200, json: { id: answered.id, object: 'payment_intent', status: answered.status } };
  const back = new URL(returnTo);
  back.searchParams.set('payment_intent', intent.id);
  back.searchParams.set('payment_intent_client_secret', intent.client_secret);
  back.searchParams.set('redirect_status', answered.status === 'succeeded' ? 'succeeded' : 'failed');
  return redirect(back.href);
}

/** The page behind an account link: the tutor gives what is asked for with one button. */
function onboardingPage(world: World, request: StandInRequest, token: string): StandInAnswer {
  if (request.method !== 'POST') {
    return page(
      200,
      'Payout account',
      '<p>Give your details and bank account to be paid.</p><form method="post"><button>Use test data</button></form>',
    );
  }
  const opened = inTransaction(world.store.database, () => {
    const link = openLink(world, token);
    if (link) completeOnboarding(world, link.account);
    return link;
  });
  if (!opened) return page(410, 'Link expired', '<p>Ask for a new link.</p>');
  return opened.returnUrl === null ? page(200, 'Payout account', '<p>All done.</p>') : redirect(opened.returnUrl);
}

/** Answers the pages that people open in a browser; undefined for other paths. */
export function answerPage(world: World, ledger: Ledger, request: StandInRequest): StandInAnswer | undefined {
  const [, kind, id = ''] = request.rawPath.split('/');
  world.mark = { id: null, idempotency_key: null };
  try {
    if (kind === '_challenge') return challengePage(world, ledger, request, id);
    if (kind === '_onboarding') return onboardingPage(world, request, id);
  } catch (error) {
    if (error instanceof StripeRefusal) return page(error.status, 'Not possible', `<p>${escape(error.message)}</p>`);
    throw error;
  }
  return undefined;
}
