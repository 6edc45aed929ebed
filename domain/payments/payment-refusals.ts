import { Refusal } from '../kernel/refusal.ts';

export class PaymentNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such payment.';
}
export class NotYourPayment extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This payment belongs to somebody else.';
}
export class OnlyThePlatformMovesMoney extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the platform itself may do this.';
}
export class ActingAdminRequired extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Moving money by hand needs an administrator who answers for it.';
}
export class BookingNotReserved extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'There is no reserved booking to pay for.';
}
export class AmountTooSmall extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'This amount is below the smallest that can be charged.';
}
export class PaymentNotReady extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The payment is being prepared; try again in a moment.';
}
export class AlreadyPaid extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This lesson has been paid already.';
}
export class PaymentOver extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This payment has been called off.';
}
export class AnotherPaymentIntent extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This payment goes with another PaymentIntent.';
}
export class PaymentNotCaptured extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'No money has been received for this payment.';
}
export class PaymentOnHold extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This payment is held until a question about it has been answered.';
}
export class RefundPending extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another refund of this payment is under way.';
}
export class RefundExceedsPaid extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'More cannot be refunded than has been paid and kept.';
}
export class RefundNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such refund.';
}
export class RefundIdTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another refund has this id.';
}
export class RefundNotFailed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Only a refund that failed can be tried again.';
}
export class ChargebackNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such chargeback.';
}
export class ChargebackDecided extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The bank has decided this chargeback the other way.';
}
export class LessonNotEarned extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The tutor has not earned this payment yet.';
}
export class ReleaseNotDue extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The time to object to the lesson is not over.';
}
export class LessonInDispute extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson is in dispute.';
}
export class NothingKept extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'All of this payment has gone back to the payer.';
}
export class PaymentNotReleased extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The payment has not been released to the tutor.';
}
export class TutorHasDebt extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Earlier debts of the tutor are settled first.';
}
export class PayoutNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such payout.';
}
export class PayoutAlreadySent extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The payout has been sent already.';
}
export class PayoutWasCanceled extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The payout has been called off.';
}
export class PayoutNotSent extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The payout has not been sent.';
}
export class ReversalNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such reversal.';
}
export class DebtNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such debt.';
}
export class DebtExceeded extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'More cannot be settled than is owed.';
}

export const paymentRefusals = [
  PaymentNotFound,
  NotYourPayment,
  OnlyThePlatformMovesMoney,
  ActingAdminRequired,
  BookingNotReserved,
  AmountTooSmall,
  PaymentNotReady,
  AlreadyPaid,
  PaymentOver,
  AnotherPaymentIntent,
  PaymentNotCaptured,
  PaymentOnHold,
  RefundPending,
  RefundExceedsPaid,
  RefundNotFound,
  RefundIdTaken,
  RefundNotFailed,
  ChargebackNotFound,
  ChargebackDecided,
  LessonNotEarned,
  ReleaseNotDue,
  LessonInDispute,
  NothingKept,
  PaymentNotReleased,
  TutorHasDebt,
  PayoutNotFound,
  PayoutAlreadySent,
  PayoutWasCanceled,
  PayoutNotSent,
  ReversalNotFound,
  DebtNotFound,
  DebtExceeded,
] as const;
