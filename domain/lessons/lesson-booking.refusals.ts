import { Refusal } from '../kernel/refusal.ts';

export class BookingNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such booking.';
}
export class BookingIdTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another booking has this id.';
}
export class NotYourBooking extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'This booking belongs to somebody else.';
}
export class NotConnected extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Student and tutor are not connected.';
}
export class StudentMayNotBook extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The student has not finished onboarding.';
}
export class TutorNotBookable extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'This tutor does not give lessons at the moment.';
}
export class LessonInThePast extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'A lesson must start in the future.';
}
export class PriceBelowMinimum extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The price is below the smallest amount that can be charged.';
}
export class BookingEnded extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The booking is past this step.';
}
export class SlotNotHeld extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = "The tutor's calendar does not hold this time for the booking.";
}
export class BookingNotPaid extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson has not been paid.';
}
export class PaymentMismatch extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'What was paid is not what was quoted.';
}
export class HoldNotExpired extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The time is still held for payment.';
}
export class BookingAlreadyPaid extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The booking has been paid and its time is ours: it will be confirmed.';
}
export class TooEarlyToStart extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson cannot begin yet.';
}
export class LessonTimeOver extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The time of the lesson is over.';
}
export class ParticipantsMissing extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Student and tutor have not both joined.';
}
export class LessonNotInProgress extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson is not going on.';
}
export class TooEarlyToEnd extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson may not be ended in this way yet.';
}
export class BookingNotCompleted extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson has not been completed.';
}
