import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { LOOPBACK } from '../loopback.ts';
import type { Json } from './json.ts';

/** A request with its body read. */
export interface StandInRequest {
  method: string;
  /** The path as it was sent, still percent-encoded. */
  rawPath: string;
  /** The query string as it was sent, without the question mark. */
  rawQuery: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Aborted when the caller closes the connection before it has its answer. */
  abandoned: AbortSignal;
}

/** An answer; `json` and `body` exclude each other. */
export interface StandInAnswer {
  status: number;
  headers?: Record<string, string>;
  json?: Json;
  body?: string | Buffer;
}

/** Gives the answer, or nothing when the connection is to be cut without one. */
export type StandInHandler = (request: StandInRequest) => Promise<StandInAnswer | undefined>;

/** A stand-in that serves on a loopback port. */
export interface RunningStandIn {
  port: number;
  stop(): Promise<void>;
}

const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_LIMIT_BYTES) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, answer: StandInAnswer): void {
  const body = answer.json === undefined ? answer.body : JSON.stringify(answer.json, null, 2);
  const headers: Record<string, string> = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*', ...answer.headers };
  if (answer.json !== undefined) headers['content-type'] ??= 'application/json';
  response.writeHead(answer.status, headers).end(body);
}

const preflight: StandInAnswer = {
  status: 204,
  headers: {
    'access-control-allow-methods': 'GET,HEAD,POST,PUT,PATCH,DELETE',
    'access-control-allow-headers': '*',
    'access-control-max-age': '600',
  },
};

async function answerOne(name: string, handle: StandInHandler, message: IncomingMessage, response: ServerResponse): Promise<void> {
  if (message.method === 'OPTIONS') return send(response, preflight);
  const [rawPath = '/', rawQuery = ''] = (message.url ?? '/').split(/\?(.*)/s);
  const abandoned = new AbortController();
  response.once('close', () => abandoned.abort());
  try {
    const body = await readBody(message);
    const { method = 'GET', headers } = message;
    const query = new URLSearchParams(rawQuery);
    const answer = await handle({ method, rawPath, rawQuery, query, headers, body, abandoned: abandoned.signal });
    if (answer) send(response, answer);
    else response.destroy();
  } catch (error) {
    if (abandoned.signal.aborted) return;
    process.stderr.write(
      `the ${name} stand-in failed on ${message.method} ${rawPath}: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    if (response.headersSent) response.destroy();
    else send(response, { status: 500, json: { error: { message: 'the stand-in failed' } } });
  }
}

/** Listens on the port, or on any when it is taken. */
async function listen(server: Server, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: LOOPBACK }, resolve);
    });
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await listen(server, 0);
  }
}

/** Serves `handle` on the loopback address, on another port when the wanted one is taken; `stop` cuts what is still open. */
export async function serveStandIn(name: string, port: number, handle: StandInHandler): Promise<RunningStandIn> {
  const server = createServer({ keepAliveTimeout: 30_000 }, (message, response) => void answerOne(name, handle, message, response));
  await listen(server, port);
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error(`${name}: no address`);
  return {
    port: address.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
