import { HttpException } from '@nestjs/common';
import type { z } from 'zod';
import { Refusal, type RefusalKind } from '#domain/kernel/refusal.ts';
import { EventStoreUnavailable, WrongRevision } from '#infra/event-store/errors.ts';

/** The media type of every error answer (RFC 9457). */
export const PROBLEM_JSON = 'application/problem+json';

/** The one table from kinds of refusal to HTTP statuses. */
export const STATUS_OF: Readonly<Record<RefusalKind, number>> = {
  invalid: 422,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_many: 429,
};

/** Codes that the edge itself answers with, beside those of refusals: status and what a person may read. */
export const EDGE_PROBLEMS = {
  malformed_request: { status: 400, title: 'The request could not be read.' },
  malformed_json: { status: 400, title: 'The body is not JSON.' },
  validation_failed: { status: 400, title: 'The request does not fit what this endpoint takes.' },
  unauthenticated: { status: 401, title: 'A valid access token is needed, or on the internal API a valid signature.' },
  forbidden: { status: 403, title: 'This is not open to you.' },
  not_found: { status: 404, title: 'There is nothing here.' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here.' },
  request_timeout: { status: 408, title: 'The request did not arrive in time.' },
  idempotency_key_in_use: { status: 409, title: 'A request with this Idempotency-Key is still being worked on.' },
  payload_too_large: { status: 413, title: 'The body is too large.' },
  uri_too_long: { status: 414, title: 'The address is too long.' },
  unsupported_media_type: { status: 415, title: 'Send the body as application/json.' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used with another body.' },
  rate_limited: { status: 429, title: 'Too many requests.' },
  headers_too_large: { status: 431, title: 'The headers are too large.' },
  internal_error: { status: 500, title: 'Something went wrong on our side.' },
  upstream_unavailable: { status: 503, title: 'A part of the platform is not reachable at the moment.' },
  overdue: { status: 503, title: 'The answer took too long.' },
  stale_read: { status: 503, title: 'The data asked for has not arrived yet.' },
  contended: { status: 503, title: 'Too many changes to the same thing at once.' },
} as const satisfies Record<string, { status: number; title: string }>;

export type EdgeProblem = keyof typeof EDGE_PROBLEMS;

/** One wrong value of a request: where it is (`body.name`) and what is wrong with it. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

/** The body of an error answer. `code` is stable and meant for programs, `title` for people. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly correlationId: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly errors?: readonly Violation[];
}

/** An error that the edge itself answers with. */
export class Problem extends Error {
  readonly status: number;
  constructor(
    readonly code: EdgeProblem,
    readonly extra: {
      readonly errors?: readonly Violation[];
      readonly details?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(EDGE_PROBLEMS[code].title);
    this.name = 'Problem';
    this.status = EDGE_PROBLEMS[code].status;
  }
}

/** A validation problem from what zod found in one part of a request. Says paths and rules, never the values. */
export function validationProblem(part: 'body' | 'query' | 'path' | 'header', error: z.ZodError): Problem {
  const errors = error.issues.map((issue) => ({ path: [part, ...issue.path.map(String)].join('.'), message: issue.message }));
  return new Problem('validation_failed', { errors });
}

interface Answerable {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly errors?: readonly Violation[] | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * What any thrown value is answered with: its status, headers and problem document.
 * Whatever is not known to be the client's doing becomes `internal_error` and says nothing of its cause.
 */
export function problemOf(
  error: unknown,
  correlationId: string,
): { status: number; headers: Readonly<Record<string, string>>; body: ProblemDocument } {
  const { status, code, title, errors, details, headers = {} } = answerable(error);
  const body: ProblemDocument = {
    type: `urn:chalkstream:problem:${code}`,
    title,
    status,
    code,
    correlationId,
    ...(details === undefined || Object.keys(details).length === 0 ? {} : { details }),
    ...(errors === undefined ? {} : { errors }),
  };
  return { status, headers: code === 'unauthenticated' ? { 'www-authenticate': 'Bearer', ...headers } : headers, body };
}

function answerable(error: unknown): Answerable {
  if (error instanceof Problem) return { ...error.extra, status: error.status, code: error.code, title: error.message };
  if (error instanceof Refusal)
    return {
      status: STATUS_OF[error.kind],
      code: error.code,
      title: error.message,
      details: error.details,
      headers: error.kind === 'too_many' ? { 'retry-after': '60' } : undefined,
    };
  const code = edgeCodeOf(error);
  return { code, ...EDGE_PROBLEMS[code], ...(PASSING.has(code) ? { headers: { 'retry-after': '1' } } : {}) };
}

const BY_FASTIFY_CODE: Readonly<Record<string, EdgeProblem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

/** Postgres has no such table or schema: the read model is being built for the first time, or again after it was dropped. */
const NOT_BUILT_YET: ReadonlySet<unknown> = new Set(['42P01', '3F000']);

/** What the next try may well find gone. */
const PASSING: ReadonlySet<EdgeProblem> = new Set(['stale_read', 'contended', 'upstream_unavailable']);

const BY_STATUS: Readonly<Record<number, EdgeProblem>> = {
  400: 'malformed_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  503: 'upstream_unavailable',
};

function edgeCodeOf(error: unknown): EdgeProblem {
  // Whether a command was written is open then: the same Idempotency-Key finds out.
  if (error instanceof EventStoreUnavailable) return 'upstream_unavailable';
  if (error instanceof WrongRevision) return 'contended';
  if (error instanceof HttpException) return BY_STATUS[error.getStatus()] ?? 'internal_error';
  if (typeof error !== 'object' || error === null) return 'internal_error';
  if ('code' in error && NOT_BUILT_YET.has(error.code)) return 'stale_read';
  if ('code' in error && typeof error.code === 'string' && BY_FASTIFY_CODE[error.code] !== undefined)
    return BY_FASTIFY_CODE[error.code] as EdgeProblem;
  // Only Fastify's own errors carry a status that is meant for the client; a vendor SDK's `statusCode` is not ours.
  const fromFastify = 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_');
  if (fromFastify && 'statusCode' in error && typeof error.statusCode === 'number') return BY_STATUS[error.statusCode] ?? 'internal_error';
  return 'internal_error';
}
