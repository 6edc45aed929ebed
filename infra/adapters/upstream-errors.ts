/** A service outside of the system. */
export type Upstream = 'stripe' | 'ses' | 's3' | 'cognito' | 'agora';

/** The service has refused for good: the same call will be refused again. `code` is the service's own name for the reason. */
export class UpstreamRefused extends Error {
  constructor(
    readonly upstream: Upstream,
    readonly code: string,
    readonly status: number | undefined,
    options?: ErrorOptions,
  ) {
    super(`${upstream} refused: ${code}.`, options);
    this.name = 'UpstreamRefused';
  }
}

/**
 * No answer, or one that says nothing for certain: the call may have been carried out or not. The same call with the same key may be repeated.
 * `certainlyNot` means that it was not carried out.
 */
export class UpstreamUnsure extends Error {
  constructor(
    readonly upstream: Upstream,
    readonly code: string,
    readonly certainlyNot: boolean,
    options?: ErrorOptions,
  ) {
    super(`${upstream} gave no certain answer: ${code}.`, options);
    this.name = 'UpstreamUnsure';
  }
}

/** The code of a failed connection when the request cannot have left this machine, else undefined. */
export function neverSent(error: unknown): string | undefined {
  // By shape, not by class: the errors of the platform may come from another realm.
  let current = error;
  while (typeof current === 'object' && current !== null) {
    const { code, cause } = current as { code?: unknown; cause?: unknown };
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') return code;
    current = cause;
  }
  return undefined;
}
