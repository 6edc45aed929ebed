import { setTimeout as wait } from 'node:timers/promises';
import type { Person } from '#app/demo/people.ts';
import { Database } from '#infra/postgres/database.ts';
import { consumerOf } from '#infra/projections/tables.ts';
import { readModels } from '#projections/read-models.ts';

/** A query, and what of its answer must not go back in time: a number never falls, a text stays as it is. */
export interface Question {
  readonly who: Person;
  readonly path: string;
  readonly see: (answer: Readonly<Record<string, unknown>>, text: string) => number | string;
  /** What somebody has been told already: at least this must be seen. */
  readonly atLeast?: () => number;
}

/** Between two queries of one client, in milliseconds. */
const PAUSE_MS = 20;

/**
 * Clients that ask without end, each for no less than the newest position that was told, and never again when an answer fails: and one that
 * counts the rows of every read model.
 */
export class Watch {
  /** Answers that failed or went back in time. */
  readonly faults: string[] = [];
  asked = 0;
  readonly #database: Database;
  readonly #clients: Promise<void>[];
  readonly #seen = new Map<string, number | string>();
  #stopped = false;

  constructor(
    databaseUrl: string,
    questions: readonly Question[],
    private readonly position: () => bigint,
  ) {
    this.#database = new Database(databaseUrl, { max: 1, applicationName: 'watch' });
    const people = new Set(questions.map(({ who }) => who));
    const clients = [...people].map((person) => questions.filter(({ who }) => who === person).map((each) => () => this.#ask(each)));
    this.#clients = [...clients, readModels.map((model) => () => this.#count(consumerOf(model)))].map((asks) => this.#forever(asks));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    await this.#database.close();
  }

  async #forever(asks: readonly (() => Promise<void>)[]): Promise<void> {
    for (let nth = 0; !this.#stopped; nth++) {
      await asks[nth % asks.length]!();
      this.asked++;
      await wait(PAUSE_MS);
    }
  }

  async #ask({ who, path, see, atLeast }: Question): Promise<void> {
    const least = atLeast?.() ?? 0;
    try {
      const headers = { authorization: `Bearer ${who.api.token}`, 'x-min-position': String(this.position()) };
      const response = await fetch(who.api.baseUrl + path, { headers });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text}`);
      this.#compare(`${who.name} GET ${path}`, see(JSON.parse(text) as Record<string, unknown>, text), least);
    } catch (error) {
      this.faults.push(`GET ${path}: ${String(error)}`);
    }
  }

  async #count(view: string): Promise<void> {
    try {
      const [row] = await this.#database.query<{ rows: number }>(`select count(*) as rows from ${view}`);
      this.#compare(view, row!.rows, 0);
    } catch (error) {
      this.faults.push(`${view}: ${String(error)}`);
    }
  }

  #compare(name: string, seen: number | string, least: number): void {
    const before = this.#seen.get(name);
    this.#seen.set(name, seen);
    if (
      typeof seen === 'string' ? before !== undefined && before !== seen : Number.isNaN(seen) || seen < Math.max(least, Number(before ?? 0))
    )
      this.faults.push(`${name} showed ${seen} after ${before}, when ${least} was told`.slice(0, 1_000));
  }
}
