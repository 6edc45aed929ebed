/** What sort of no it is. The edge maps each kind to one status (see infra/http/problems.ts). */
export type RefusalKind = 'invalid' | 'forbidden' | 'not_found' | 'conflict' | 'too_many';

/**
 * A broken rule. Each rule has its own class; the class name in snake_case is the stable `code` that clients see,
 * `sentence` is what a person may read. Details must hold nothing personal: they are part of the public answer.
 */
export abstract class Refusal extends Error {
  static readonly kind: RefusalKind;
  static readonly sentence: string;
  readonly code: string;
  readonly kind: RefusalKind;

  constructor(readonly details: Readonly<Record<string, unknown>> = {}) {
    super(new.target.sentence);
    this.name = new.target.name;
    this.code = refusalCode(new.target);
    this.kind = new.target.kind;
  }
}

export type RefusalClass = (new (details?: Readonly<Record<string, unknown>>) => Refusal) & {
  readonly kind: RefusalKind;
  readonly sentence: string;
};

/** The stable code of a refusal: `NotTheRequestedTutor` is `not_the_requested_tutor`, `NotAMember` is `not_a_member`. */
export function refusalCode(refusal: { readonly name: string }): string {
  return refusal.name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase();
}
