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
  for (let current = error; current instanceof Error; current = current.cause) {
    const code = (current as NodeJS.ErrnoException).code;
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') return code;
  }
  return undefined;
}
