import { randomUUID } from 'node:crypto';
import type { Person } from '#app/demo/people.ts';

/** One kind of command: how often of ten, who sends it, and the nth of them. */
export interface Kind {
  readonly ofTen: number;
  readonly who: Person;
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: (nth: number) => object;
}

/** Commands over HTTP at a steady rate, as people's apps send them: those of one kind one after the other, different ones at once. */
export class Load {
  /** What was refused or not answered. */
  readonly failures: string[] = [];
  /** Newest position that anybody was told. */
  position = 0n;
  answered = 0;
  readonly #kinds: readonly Kind[];
  readonly #last = new Map<Kind, Promise<void>>();
  readonly #sent = new Map<Kind, number>();
  readonly #answered = new Map<Kind, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(kinds: readonly Kind[], perSecond: number) {
    this.#kinds = kinds;
    const turns = kinds.flatMap((kind) => Array.from({ length: kind.ofTen }, () => kind));
    const begun = performance.now();
    let turn = 0;
    this.#timer = setInterval(() => {
      // A machine that is busy elsewhere is late; what is due then is sent all the same.
      while (turn < ((performance.now() - begun) * perSecond) / 1_000) this.#next(turns[turn++ % turns.length]!);
    }, 1_000 / perSecond);
  }

  /** The newest of a kind that was answered, counted from 1 on. */
  newestOf(kind: Kind): number {
    return this.#answered.get(kind) ?? 0;
  }

  /** Sends no more; resolves when all are answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#kinds.map((kind) => this.#last.get(kind)));
  }

  #next(kind: Kind): void {
    const nth = (this.#sent.get(kind) ?? 0) + 1;
    this.#sent.set(kind, nth);
    const before = this.#last.get(kind) ?? Promise.resolve();
    this.#last.set(
      kind,
      before.then(() => this.#send(kind, nth)),
    );
  }

  async #send(kind: Kind, nth: number): Promise<void> {
    const { who, method, path, body } = kind;
    try {
      const response = await fetch(who.api.baseUrl + path, {
        method,
        headers: { authorization: `Bearer ${who.api.token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
        body: JSON.stringify(body(nth)),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text}`);
      const position = BigInt((JSON.parse(text) as { position: string }).position);
      if (position > this.position) this.position = position;
      this.#answered.set(kind, nth);
      this.answered++;
    } catch (error) {
      this.failures.push(`${method} ${path}: ${String(error)}`);
    }
  }
}
