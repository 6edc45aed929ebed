import { z } from 'zod';
import { inTransaction } from '../http/database.ts';
import type { Json, JsonObject } from '../http/json.ts';
import type { StandInAnswer, StandInRequest } from '../http/server.ts';
import { StripeRefusal } from './errors.ts';
import { faultSchema } from './faults.ts';
import type { Ledger } from './ledger.ts';
import { completeOnboarding, restrictAccount } from './resources/accounts.ts';
import { payOut } from './resources/balance.ts';
import type { Charge } from './resources/charges.ts';
import { answerChallenge } from './resources/confirm-intent.ts';
import { closeDispute, openDispute } from './resources/disputes.ts';
import type { Dispute } from './resources/disputes.ts';
import type { PaymentIntent } from './resources/payment-intents.ts';
import { payWaitingRefunds, settleRefund } from './resources/refunds.ts';
import type { Refund } from './resources/refunds.ts';
import { callerOf } from './server.ts';
import type { ApiParts } from './server.ts';
import { PLATFORM } from './store.ts';
import type { Resource } from './store.ts';
import { webhookSettings } from './webhooks.ts';

const HELD_WAIT_MS = 10_000;

interface ControlCall {
  parts: ApiParts;
  ledger: Ledger;
  request: StandInRequest;
  input: unknown;
  id: string;
}

type Control = (call: ControlCall) => Json | Promise<Json>;

function requests({ parts, request }: ControlCall): Json {
  const rows = parts.world.store.database.prepare('SELECT * FROM requests ORDER BY seq').all();
  const wanted = (name: string, value: unknown): boolean => !request.query.has(name) || request.query.get(name) === value;
  return rows
    .filter((row) => wanted('method', row['method']) && wanted('path', row['path']) && wanted('idempotency_key', row['idempotency_key']))
    .map((row) => ({
      id: row['id'] as string,
      at: new Date(row['at'] as number).toISOString(),
      method: row['method'] as string,
      path: row['path'] as string,
      account: (row['account'] as string) || null,
      idempotencyKey: row['idempotency_key'] as string | null,
      params: JSON.parse(row['params'] as string) as Json,
      status: row['status'] as number,
      replayed: row['replayed'] === 1,
    }));
}

function balances({ parts, ledger }: ControlCall): Json {
  const accounts = [PLATFORM, ...parts.world.store.every<Resource>('account').map((account) => account.id)];
  return Object.fromEntries(accounts.map((account) => [account === PLATFORM ? 'platform' : account, ledger.balances(account)]));
}

function deliveries({ parts }: ControlCall): Json {
  const rows = parts.world.store.database.prepare('SELECT event, endpoint, attempts, delivered FROM deliveries ORDER BY seq').all();
  return rows.map((row) => ({
    event: row['event'] as string,
    type: parts.world.store.lookUp(row['event'] as string)?.['type'] ?? null,
    endpoint: row['endpoint'] as string,
    attempts: row['attempts'] as number,
    delivered: row['delivered'] !== null,
  }));
}

const outcomeOf = <Outcome extends string>(outcomes: readonly [Outcome, ...Outcome[]]) => z.strictObject({ outcome: z.enum(outcomes) });
const disputeInput = z.strictObject({ amount: z.int().min(1).optional() });
const payoutInput = z.strictObject({
  amount: z.int().min(1).optional(),
  currency: z.string(),
  outcome: z.enum(['paid', 'failed']).default('paid'),
});
const fundsInput = z.strictObject({ amount: z.int(), currency: z.string() });

/** Adds funds to the platform, or takes them away, as an owner may do with their own money. */
function funds({ parts, ledger, input }: ControlCall): Json {
  const { amount, currency } = fundsInput.parse(input);
  const booked = ledger.move({ account: PLATFORM, type: amount < 0 ? 'payout' : 'topup', amount, currency, source: null });
  payWaitingRefunds(parts.world, ledger);
  return booked;
}

/** Everything that happens at Stripe without a call of ours, and what a test wants to see or disturb. */
const controls: Record<string, Control> = {
  'GET requests': requests,
  'GET objects/:id': ({ parts, id }) => parts.world.store.every<Resource>(id),
  'GET balances': balances,
  'GET webhooks': deliveries,
  'PUT webhooks': ({ parts, input }) => parts.webhooks.configure(webhookSettings.parse(input)),
  'POST faults': ({ parts, input }) => {
    parts.faults.add(faultSchema.parse(input));
    return {};
  },
  'DELETE faults': ({ parts }) => {
    parts.faults.clear();
    return {};
  },
  'GET held': async ({ parts, request }) => {
    const held = await parts.faults.listHeld(request.query.get('wait') === 'true' ? HELD_WAIT_MS : 0);
    return held.map((answer) => ({ ...answer }));
  },
  'POST release': ({ parts }) => ({ released: parts.faults.release() }),
  'POST funds': funds,
  'POST accounts/:id/onboard': ({ parts, id }) => completeOnboarding(parts.world, id),
  'POST accounts/:id/restrict': ({ parts, id }) => restrictAccount(parts.world, id),
  'POST accounts/:id/payout': ({ parts, ledger, id, input }) => {
    const { amount, currency, outcome } = payoutInput.parse(input);
    return payOut(parts.world, ledger, id, amount ?? ledger.balance(id, currency), currency, outcome);
  },
  'POST payment_intents/:id/challenge': ({ parts, ledger, id, input }) => {
    const { outcome } = outcomeOf(['passed', 'failed']).parse(input);
    return answerChallenge(parts.world, ledger, parts.world.store.get<PaymentIntent>('payment_intent', id), outcome === 'passed');
  },
  'POST refunds/:id': ({ parts, ledger, id, input }) =>
    settleRefund(parts.world, ledger, parts.world.store.get<Refund>('refund', id), outcomeOf(['succeeded', 'failed']).parse(input).outcome),
  'POST charges/:id/dispute': ({ parts, ledger, id, input }) =>
    openDispute(parts.world, ledger, parts.world.store.get<Charge>('charge', id), disputeInput.parse(input).amount),
  'POST disputes/:id/close': ({ parts, ledger, id, input }) =>
    closeDispute(parts.world, ledger, parts.world.store.get<Dispute>('dispute', id), outcomeOf(['won', 'lost']).parse(input).outcome),
};

const routes = Object.entries(controls).map(([route, control]) => {
  const [method, pattern = ''] = route.split(' ');
  return { method, expression: new RegExp(`^/_control/${pattern.replace(':id', '(?<id>[^/]+)')}$`), control };
});

/** Answers the control API under `/_control`, which takes JSON and the secret key. */
export async function answerControl(parts: ApiParts, ledger: Ledger, request: StandInRequest): Promise<StandInAnswer> {
  try {
    if (callerOf(parts, request, {}) !== 'platform')
      return { status: 401, json: { error: { message: 'The control API takes the secret key.' } } };
    for (const { method, expression, control } of routes) {
      const match = method === request.method ? expression.exec(request.rawPath) : null;
      if (!match) continue;
      const input: unknown = request.body.length === 0 ? {} : JSON.parse(request.body.toString('utf8'));
      const call: ControlCall = { parts, ledger, request, input, id: match.groups?.['id'] ?? '' };
      parts.world.mark = { id: null, idempotency_key: null };
      const result = method === 'POST' ? inTransaction(parts.world.store.database, () => control(call)) : control(call);
      const json = await result;
      parts.webhooks.pump();
      return { status: 200, json };
    }
    return { status: 404, json: { error: { message: 'no such control' } } };
  } catch (error) {
    if (error instanceof StripeRefusal) return { status: error.status, json: error.body('req_control') };
    if (error instanceof z.ZodError || error instanceof SyntaxError) {
      const body: JsonObject = { error: { message: error.message } };
      return { status: 400, json: body };
    }
    throw error;
  }
}
