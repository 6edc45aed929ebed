import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

/** What the API answered when it was not a success: the problem document, and the request that met it. */
export class ApiProblem extends Error {
  constructor(
    readonly request: string,
    readonly status: number,
    readonly code: string,
    readonly problem: Readonly<Record<string, unknown>>,
  ) {
    super(`${request} answered ${status} ${code}: ${JSON.stringify(problem)}`);
    this.name = 'ApiProblem';
  }
}

/** How long a client tries to reach a server that is down or restarting, in milliseconds. */
const PATIENCE = 60_000;
const PAUSE = 100;

type Json = Record<string, unknown>;

/**
 * A client as a careful app would be: every POST carries an Idempotency-Key and is sent again with the same key when the connection broke,
 * every read asks for at least the position of the last write, tokens are sent when there is one.
 */
export class Api {
  token: string | undefined;
  #position = 0n;

  constructor(readonly baseUrl: string) {}

  /** The body of the answer. Throws {@link ApiProblem} for anything but a success. */
  get<T = Json>(path: string): Promise<T> {
    return this.#send<T>('GET', path, undefined, this.#position === 0n ? {} : { 'x-min-position': String(this.#position) });
  }

  /** `key` repeats a request on purpose; by default each call is a new one. */
  post<T = Json>(path: string, body: object = {}, key: string = randomUUID()): Promise<T> {
    return this.#send<T>('POST', path, body, { 'idempotency-key': key });
  }

  put<T = Json>(path: string, body: object, key: string = randomUUID()): Promise<T> {
    return this.#send<T>('PUT', path, body, { 'idempotency-key': key });
  }

  /** Reads until `found` gives something; what is not there yet may come. Throws what it last saw when nothing came within 60 s. */
  async until<T, R = Json>(path: string, found: (answer: R) => T | undefined | false): Promise<T> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const answer = await this.get<R>(path).catch((problem: unknown) => {
        if (problem instanceof ApiProblem && problem.status === 404) return problem;
        throw problem;
      });
      const result = answer instanceof ApiProblem ? undefined : found(answer);
      if (result !== undefined && result !== false) return result;
      if (Date.now() > deadline) throw new Error(`${path} did not come to what was awaited; it says ${JSON.stringify(answer)}`);
      await wait(PAUSE);
    }
  }

  /** Calls again for as long as the answer is one of these problems: for what becomes true by itself in a moment. */
  async patiently<T>(call: () => Promise<T>, codes: readonly string[]): Promise<T> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof ApiProblem && codes.includes(error.code)) || Date.now() > deadline) throw error;
        await wait(PAUSE);
      }
    }
  }

  async #send<T>(method: string, path: string, body: object | undefined, headers: Record<string, string>): Promise<T> {
    const request = {
      method,
      headers: {
        ...headers,
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const { status, text } = await patiently(`${method} ${path}`, this.baseUrl + path, request);
    const answer = (text === '' ? {} : JSON.parse(text)) as Json;
    if (status >= 400) throw new ApiProblem(`${method} ${path}`, status, String(answer['code']), answer);
    const position = answer['position'];
    if (typeof position === 'string' && BigInt(position) > this.#position) this.#position = BigInt(position);
    return answer as T;
  }
}

/** The server is down, starting or busy, or it has not yet forgotten that it was working on this very request when it was killed. */
const notNow = (status: number, text: string): boolean =>
  status === 503 || status === 429 || (status === 409 && text.includes('"idempotency_key_in_use"'));

/** Sends a request again for as long as nobody answers, or the answer is "not now" or breaks off. */
export async function patiently(name: string, url: string, request: RequestInit): Promise<{ status: number; text: string }> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    let failure: unknown;
    try {
      const response = await fetch(url, { ...request, signal: AbortSignal.timeout(20_000) });
      const text = await response.text();
      if (!notNow(response.status, text)) return { status: response.status, text };
      failure = new Error(`the answer was ${response.status} ${text}`);
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new Error(`${name}: nobody answered within a minute`, { cause: failure });
    await wait(PAUSE);
  }
}
