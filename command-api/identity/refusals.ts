import { Refusal } from '#domain/kernel/refusal.ts';

// What the user pool refuses: rules about log-ins, which no aggregate knows.
export class PasswordNotAccepted extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'The password is too easy to guess.';
}
export class ResetCodeInvalid extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'This code is not valid, or has expired.';
}
export class EmailNotVerified extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'The e-mail address is not verified yet.';
}
export class TooManyAttempts extends Refusal {
  static override readonly kind = 'too_many';
  static override readonly sentence = 'Too many attempts; try again later.';
}
