import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api, ApiProblem } from '#app/demo/api.ts';
import { Operator } from '#app/demo/operator.ts';
import type { World } from '#app/demo/people.ts';
import { startEmbedded, type EmbeddedAddresses, type EmbeddedSystem } from '#app/embedded/embedded.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { signedHeaders } from '#infra/auth/signing.ts';
import { givenEvents } from '#infra/event-store/given-events.ts';
import { Database } from '#infra/postgres/database.ts';
import type { MovableClock } from '#infra/time/clock.ts';

/** Free ports, and no limits: a spec asks more often than people do. */
const ENVIRONMENT = {
  PUBLIC_PORT: '0',
  INTERNAL_PORT: '0',
  LOG_LEVEL: 'error',
  RATE_LIMIT_PER_IP: '0',
  RATE_LIMIT_PER_CALLER: '0',
  RATE_LIMIT_STRICT: '0',
};

/** The whole platform in the process of a spec, all its data in a folder of its own, and what a story needs beside the people's own apps. */
export class EmbeddedPlatform {
  readonly operator = new Operator(() => this.addresses);
  #embedded: EmbeddedSystem;

  private constructor(
    private readonly dir: string,
    embedded: EmbeddedSystem,
  ) {
    this.#embedded = embedded;
  }

  static async start(): Promise<EmbeddedPlatform> {
    const dir = mkdtempSync(join(tmpdir(), 'platform-'));
    // Postgres, which never runs as root, must reach its files; else it keeps them elsewhere.
    chmodSync(dir, 0o755);
    try {
      return new EmbeddedPlatform(dir, await startEmbedded({ dir, environment: ENVIRONMENT }));
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#embedded.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get addresses(): EmbeddedAddresses {
    return this.#embedded.addresses;
  }

  get foundation(): EmbeddedSystem['system']['foundation'] {
    return this.#embedded.system.foundation;
  }

  get commands(): EmbeddedSystem['system']['commands'] {
    return this.#embedded.system.commands;
  }

  get clock(): MovableClock {
    return this.#embedded.clock;
  }

  /** Where the people of a story live. */
  get world(): World {
    return { publicUrl: this.addresses.publicUrl, operator: this.operator, run: 'spec' };
  }

  /** The administrator, signed in. */
  async admin(): Promise<Api> {
    const api = new Api(this.addresses.publicUrl);
    api.token = (await api.post<{ accessToken: string }>('/auth/login', { ...this.addresses.admin })).accessToken;
    return api;
  }

  /** Writes into a stream what other parts of the platform would have written. Gives the position up to which read models know of it. */
  async happened(aggregateType: string, aggregateId: string, ...events: readonly DomainEvent[]): Promise<string> {
    const { eventStore: client, codec, clock } = this.foundation;
    return String((await givenEvents({ client, codec, clock }, aggregateType, aggregateId, events)).position);
  }

  /** A signed request to the internal API: its status and body. `actingAdmin` is the id of the administrator who answers for it. */
  async internal<T>(method: 'GET' | 'POST', path: string, body?: object, actingAdmin?: string): Promise<[status: number, answer: T]> {
    const { internalUrl, internalKey } = this.addresses;
    const url = new URL(path, internalUrl);
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const acting = actingAdmin === undefined ? {} : { actingAdmin };
    const headers = signedHeaders({ method, url, ...acting, ...content }, internalKey);
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(url, { method, headers: { ...headers, ...type }, ...content });
    return [response.status, (await response.json()) as T];
  }

  /** Stops everything, drops the database of read models, outbox and timers, and starts again; the keys of personal data stay. */
  async restartWithoutDatabase(): Promise<void> {
    await this.#embedded.system.stop();
    const server = new URL(this.addresses.databaseUrl);
    const name = server.pathname.slice(1);
    server.pathname = '/postgres';
    const postgres = new Database(server.href);
    await postgres.execute(`drop database "${name}" with (force)`);
    await postgres.close();
    await this.#embedded.peers.stop();
    this.#embedded = await startEmbedded({ dir: this.dir, environment: ENVIRONMENT });
  }
}

/** The status and code with which a request is refused. Throws when it is not. */
export async function refusal(request: Promise<unknown>): Promise<[status: number, code: string]> {
  try {
    await request;
  } catch (error) {
    if (error instanceof ApiProblem) return [error.status, error.code];
    throw error;
  }
  throw new Error('it was allowed');
}
