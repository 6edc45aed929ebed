import { refused } from '../errors.ts';
import type { Ledger } from '../ledger.ts';
import { PLATFORM, newId, nowSeconds } from '../store.ts';
import type { Resource } from '../store.ts';
import type { Handler, World } from '../world.ts';
import type { Charge } from './charges.ts';

/** A payer's bank takes a charge back. */
export interface Dispute extends Resource {
  object: 'dispute';
  amount: number;
  currency: string;
  charge: string;
  status: 'needs_response' | 'won' | 'lost';
}

/** What Stripe keeps of a dispute whatever its end. */
const DISPUTE_FEE = 1500;
const EVIDENCE_DAYS = 7;

/** The bank disputes a charge, all that is left of it or the given amount: the money leaves the platform at once. */
export function openDispute(world: World, ledger: Ledger, charge: Charge, amount = charge.amount - charge.amount_refunded): Dispute {
  if (charge.disputed) throw refused('charge_disputed', 'The charge is disputed already.');
  const id = newId('dp');
  const taken = ledger.move({
    account: PLATFORM,
    type: 'adjustment',
    amount: -amount,
    fee: DISPUTE_FEE,
    currency: charge.currency,
    source: id,
  });
  const dispute: Dispute = {
    id,
    object: 'dispute',
    amount,
    balance_transactions: [taken],
    charge: charge.id,
    created: nowSeconds(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: { due_by: nowSeconds() + EVIDENCE_DAYS * 86_400, has_evidence: false, past_due: false, submission_count: 0 },
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method_details: { card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10.4' }, type: 'card' },
    reason: 'fraudulent',
    status: 'needs_response',
  };
  world.store.put(dispute);
  world.store.put({ ...charge, disputed: true, dispute: id });
  world.emit('charge.dispute.created', dispute);
  world.emit('charge.dispute.funds_withdrawn', dispute);
  return dispute;
}

/** The bank decides: a won dispute brings the money back, without the fee. */
export function closeDispute(world: World, ledger: Ledger, dispute: Dispute, outcome: 'won' | 'lost'): Dispute {
  if (dispute.status !== 'needs_response') throw refused('dispute_closed', 'The dispute is closed already.');
  const closed: Dispute = { ...dispute, status: outcome };
  world.store.put(closed);
  if (outcome === 'won') {
    const { amount, currency, id } = dispute;
    ledger.move({ account: PLATFORM, type: 'adjustment', amount, currency, source: id });
    world.emit('charge.dispute.funds_reinstated', closed);
  }
  world.emit('charge.dispute.closed', closed);
  return closed;
}

export const retrieveDispute: Handler = ({ world, path }) => ({ body: world.store.get<Dispute>('dispute', path['id'] ?? '', 'dispute') });
