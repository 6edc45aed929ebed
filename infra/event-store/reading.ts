import { NoAnswer } from './errors.ts';

/** An event as the client reads it; what is not ours may hold anything in `data` and `metadata`. */
export interface StoredEvent {
  readonly id: string;
  readonly streamId: string;
  readonly type: string;
  readonly revision: bigint;
  readonly data: unknown;
  readonly metadata?: unknown;
  /** When the store wrote it: real time, not business time. */
  readonly created: Date;
  readonly position?: { readonly commit: bigint } | undefined;
}

/** What the client gives for one place of a stream; `event` is absent when a link leads nowhere. */
export interface ResolvedPlace {
  readonly event?: StoredEvent;
  readonly commitPosition?: bigint;
}

/** A read of the vendor's client that has begun. */
export interface ReadCall {
  on(event: 'data', listener: (place: ResolvedPlace) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  removeAllListeners(event: 'data'): unknown;
  cancel(): Promise<void>;
}

/**
 * Takes the events of a read until its end or until `visit` answers `false`. The call is always ended: leaving a read early leaves it open at
 * the server. Rejects with {@link NoAnswer} when nothing came for `silenceMs` milliseconds: the client has no deadline on reads.
 */
export function takeEvents(call: ReadCall, silenceMs: number, visit: (event: StoredEvent) => boolean): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let settled = false;
    const settle = (outcome: () => void, callIsOver: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      call.removeAllListeners('data');
      // A call that never came about rejects here with the error that 'error' has told already.
      if (!callIsOver) call.cancel().catch(() => undefined);
      outcome();
    };
    const timer = setTimeout(() => settle(() => reject(new NoAnswer(silenceMs)), false), silenceMs);
    call.on('data', (place) => {
      timer.refresh();
      if (settled || place.event === undefined) return;
      try {
        if (!visit(place.event)) settle(resolve, false);
      } catch (error) {
        settle(() => reject(error), false);
      }
    });
    call.on('end', () => settle(resolve, true));
    // Stays attached: an error after the end of our interest must not become an uncaught exception.
    call.on('error', (error) => settle(() => reject(error), false));
  });
}
