/** How a card behaves when it is charged. */
export type CardBehaviour =
  | { kind: 'succeeds' }
  | { kind: 'declined'; code: string; declineCode?: string }
  | { kind: 'challenge' }
  | { kind: 'refund-fails' }
  | { kind: 'refund-pends' }
  | { kind: 'disputed' };

/** One of Stripe's test cards. */
export interface TestCard {
  /** The part after `pm_card_` and, in most cases, after `tok_`. */
  name: string;
  number: string;
  brand: string;
  behaviour: CardBehaviour;
}

const succeeds: CardBehaviour = { kind: 'succeeds' };
const declined = (declineCode: string, code = 'card_declined'): CardBehaviour => ({
  kind: 'declined',
  code,
  ...(code === 'card_declined' ? { declineCode } : {}),
});

/** Stripe's test payment methods, as documented for test mode. */
export const TEST_CARDS: readonly TestCard[] = [
  { name: 'visa', number: '4242424242424242', brand: 'visa', behaviour: succeeds },
  { name: 'visa_debit', number: '4000056655665556', brand: 'visa', behaviour: succeeds },
  { name: 'mastercard', number: '5555555555554444', brand: 'mastercard', behaviour: succeeds },
  { name: 'amex', number: '378282246310005', brand: 'amex', behaviour: succeeds },
  { name: 'bypassPending', number: '4000000000000077', brand: 'visa', behaviour: succeeds },
  { name: 'chargeDeclined', number: '4000000000000002', brand: 'visa', behaviour: declined('generic_decline') },
  { name: 'visa_chargeDeclined', number: '4000000000000002', brand: 'visa', behaviour: declined('generic_decline') },
  { name: 'chargeDeclinedInsufficientFunds', number: '4000000000009995', brand: 'visa', behaviour: declined('insufficient_funds') },
  { name: 'visa_chargeDeclinedInsufficientFunds', number: '4000000000009995', brand: 'visa', behaviour: declined('insufficient_funds') },
  { name: 'visa_chargeDeclinedLostCard', number: '4000000000009987', brand: 'visa', behaviour: declined('lost_card') },
  { name: 'visa_chargeDeclinedStolenCard', number: '4000000000009979', brand: 'visa', behaviour: declined('stolen_card') },
  { name: 'chargeDeclinedFraudulent', number: '4100000000000019', brand: 'visa', behaviour: declined('fraudulent') },
  { name: 'chargeDeclinedExpiredCard', number: '4000000000000069', brand: 'visa', behaviour: declined('', 'expired_card') },
  { name: 'chargeDeclinedIncorrectCvc', number: '4000000000000127', brand: 'visa', behaviour: declined('', 'incorrect_cvc') },
  { name: 'chargeDeclinedProcessingError', number: '4000000000000119', brand: 'visa', behaviour: declined('', 'processing_error') },
  { name: 'chargeCustomerFail', number: '4000000000000341', brand: 'visa', behaviour: declined('generic_decline') },
  { name: 'threeDSecure2Required', number: '4000000000003220', brand: 'visa', behaviour: { kind: 'challenge' } },
  { name: 'threeDSecureRequired', number: '4000000000003063', brand: 'visa', behaviour: { kind: 'challenge' } },
  { name: 'authenticationRequired', number: '4000002760003184', brand: 'visa', behaviour: { kind: 'challenge' } },
  { name: 'refundFail', number: '4000000000005126', brand: 'visa', behaviour: { kind: 'refund-fails' } },
  { name: 'pendingRefund', number: '4000000000007726', brand: 'visa', behaviour: { kind: 'refund-pends' } },
  { name: 'createDispute', number: '4000000000000259', brand: 'visa', behaviour: { kind: 'disputed' } },
];

/** The test card behind `pm_card_…` or `tok_…`. */
export function cardByToken(token: string): TestCard | undefined {
  const name = token.replace(/^(pm_card_|tok_)/, '');
  return TEST_CARDS.find((card) => card.name === name);
}

/** The test card with that number. */
export function cardByNumber(number: string): TestCard | undefined {
  const digits = number.replaceAll(/\D/g, '');
  return TEST_CARDS.find((card) => card.number === digits);
}
