import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Exchange } from './endpoint.ts';
import { FOR_PAGES, HTML, problemPage } from './page.ts';
import { Problem, PROBLEM_JSON, problemOf } from './problems.ts';

/** Answers any error as problem+json, or as a page where a browser asked for one; logs those that are ours, without bodies, headers or addresses. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  if (reply.sent) return;
  const correlationId = (request.exchange as Exchange | null)?.correlationId ?? randomUUID();
  const { status, headers, body } = problemOf(error, correlationId);
  if (status >= 500 && !(error instanceof Problem))
    log.error({ err: error, correlationId, method: request.method, route: request.routeOptions?.url }, 'request failed');
  reply.code(status).headers(headers).header('x-correlation-id', correlationId);
  const forPeople = request.routeOptions?.config.endpoint?.produces === HTML && request.headers.accept?.includes('text/html') === true;
  if (forPeople) void reply.headers(FOR_PAGES).type(HTML).send(problemPage(body));
  else void reply.type(PROBLEM_JSON).send(JSON.stringify(body));
}
