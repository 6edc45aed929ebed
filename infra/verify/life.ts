import type { Database, Queryable, Transaction } from '#infra/postgres/database.ts';

/** What a process hears that acts after its death: nothing that it does from here on reaches the outside. */
export class Dead extends Error {
  constructor() {
    super('This process has died.');
    this.name = 'Dead';
  }
}

/** Whether the last call of a life had its effect, and only the answer was lost, or never arrived. */
export type Side = 'before' | 'after';

/**
 * The life of one process, measured in answers: the `awaits`-th call to the outside is the last one. From then on no call has any effect, which
 * for everything durable is the same as `kill -9` between two awaits. Calls that are under way at that moment still arrive, as they may.
 */
export class Life {
  #left: number;
  #side: Side;
  #dead = false;
  #underWay = 0;
  #calls = 0;
  readonly #ended = Promise.withResolvers<void>();
  #quiet = Promise.withResolvers<void>();

  /** Without arguments it does not end. */
  constructor(awaits = Infinity, side: Side = 'after') {
    this.#left = awaits;
    this.#side = side;
  }

  /** Resolves at its death. */
  get died(): Promise<void> {
    return this.#ended.promise;
  }

  /** How many calls were made. */
  get calls(): number {
    return this.#calls;
  }

  /** Ends it at this moment: also the answers to calls under way are lost. */
  end(): void {
    this.#dead = true;
    this.#ended.resolve();
  }

  /** Resolves when no call is under way any more. */
  async quiet(): Promise<void> {
    while (this.#underWay > 0) await this.#quiet.promise;
  }

  /** Makes a call; throws {@link Dead} when the process is dead, or dies of it. */
  async call<T>(act: () => Promise<T>): Promise<T> {
    const answer = this.#begin();
    this.#underWay++;
    try {
      return await act();
    } finally {
      this.#settle();
      answer();
    }
  }

  /** A port whose every method is a call; they must all answer by promises. */
  port<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        return typeof method === 'function' ? (...args: unknown[]) => this.call(async () => Reflect.apply(method, target, args)) : method;
      },
    });
  }

  /** A database whose every statement is a call; so are the begin and the commit of a transaction. */
  database(database: Database): Database {
    const through = (queryable: Queryable): Queryable => ({
      query: (...statement) => this.call(() => queryable.query(...statement)),
      execute: (...statement) => this.call(() => queryable.execute(...statement)),
    });
    return {
      pool: database.pool,
      ...through(database),
      transaction: async (work) => {
        let committed: () => void = () => undefined;
        this.#begin()();
        this.#underWay++;
        try {
          return await database.transaction(async (transaction) => {
            const result = await work({ ...through(transaction), client: transaction.client } satisfies Transaction);
            committed = this.#begin();
            return result;
          });
        } finally {
          this.#settle();
          committed();
        }
      },
      close: () => database.close(),
    };
  }

  /** Begins a call; the answer ends it. Both throw when the process is dead, or dies of it. */
  #begin(): () => void {
    if (this.#dead) throw new Dead();
    this.#calls++;
    const isLast = --this.#left === 0;
    if (isLast && this.#side === 'before') this.#die();
    return () => {
      if (isLast) this.#die();
      if (this.#dead) throw new Dead();
    };
  }

  #die(): never {
    this.end();
    throw new Dead();
  }

  #settle(): void {
    this.#underWay--;
    if (this.#underWay > 0) return;
    this.#quiet.resolve();
    this.#quiet = Promise.withResolvers();
  }
}
