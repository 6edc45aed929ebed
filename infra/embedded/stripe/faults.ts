import { z } from 'zod';

/**
 * What goes wrong:
 * - `error-before`: 500, nothing was done, the answer is kept under the key · `error-after`: it was done, and the kept answer is a 500 all the same
 * - `rate-limit`: 429, nothing was done, nothing is kept
 * - `never-answer`: it was done, and the caller waits for ever · `reset`: it was done, and the connection is cut
 * - `hold`: it was done, and the answer waits until it is released
 */
const kinds = ['error-before', 'error-after', 'rate-limit', 'never-answer', 'reset', 'hold'] as const;

/** A fault for requests of a method whose path fits a pattern (`*` stands for one part), `times` often. */
export const faultSchema = z.strictObject({
  method: z.string().default('POST'),
  path: z.string(),
  kind: z.enum(kinds),
  times: z.int().min(1).default(1),
});
type Fault = z.output<typeof faultSchema>;
/** The kind of a fault. */
export type FaultKind = (typeof kinds)[number];

/** An answer that is being held back. */
export interface HeldAnswer {
  method: string;
  path: string;
  idempotencyKey: string | null;
}

/** The faults to come and the answers held back. Neither survives a restart: an answer that was held is then simply lost. */
export class Faults {
  private faults: Fault[] = [];
  private readonly held = new Map<HeldAnswer, () => void>();
  private watchers: (() => void)[] = [];

  add(fault: Fault): void {
    this.faults.push({ ...fault });
  }

  clear(): void {
    this.faults = [];
  }

  /** The fault of a request, which is used up by it. */
  take(method: string, path: string): FaultKind | undefined {
    const fits = (fault: Fault): boolean =>
      fault.method === method && new RegExp(`^${fault.path.replaceAll('.', String.raw`\.`).replaceAll('*', '[^/]+')}$`).test(path);
    const fault = this.faults.find(fits);
    if (!fault) return undefined;
    fault.times -= 1;
    if (fault.times === 0) this.faults = this.faults.filter((other) => other !== fault);
    return fault.kind;
  }

  /** Waits until the answer is released, or its caller has gone. */
  async hold(answer: HeldAnswer, abandoned: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.held.set(answer, resolve);
      abandoned.addEventListener('abort', () => resolve(), { once: true });
      for (const wake of this.watchers.splice(0)) wake();
    });
    this.held.delete(answer);
  }

  /** The answers held now; with `wait` it first waits, at most so many milliseconds, until there is one. */
  async listHeld(waitMs: number): Promise<HeldAnswer[]> {
    if (this.held.size === 0 && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.watchers.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return [...this.held.keys()];
  }

  /** Lets all held answers go. */
  release(): number {
    const count = this.held.size;
    for (const resolve of this.held.values()) resolve();
    return count;
  }
}
