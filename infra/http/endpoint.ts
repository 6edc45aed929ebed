import { applyDecorators, createParamDecorator, HttpCode, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Actor, Role } from '#domain/kernel/command.ts';
import { uuid } from '#domain/kernel/ids.ts';
import type { CommandContext } from '#infra/cqrs/commands.ts';

/**
 * What an endpoint takes, who may call it and what it answers. Authentication, limits, validation, idempotency, waiting for a
 * position, and the OpenAPI document all follow from it.
 */
export interface EndpointOptions {
  /** One sentence for the API document. */
  readonly summary: string;
  /** Roles that may call. `anyone` needs no token; a valid one is honoured all the same. Ownership is a rule of the domain. */
  readonly actors: readonly Role[] | 'anyone';
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  readonly params?: z.ZodType;
  /** The answer. What the schema does not name is left out of it, so a handler may return more. */
  readonly response: z.ZodType;
  /** Default: Nest's own, 201 for POST and 200 for the others. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Names of the read models that a GET looks at: `X-Min-Position` waits for all of them. */
  readonly reads?: readonly string[];
  /** `strict` for whatever invites guessing or spam: register, verify, consent, search, messages. */
  readonly rate?: 'strict' | 'normal';
  /** The answer holds a token or the like: it is never stored for an Idempotency-Key and never cached. */
  readonly secretAnswer?: boolean;
  /** Takes any media type and hands it over as bytes by `@RawBody()`; for signed webhooks. */
  readonly rawBody?: boolean;
  /** Media type of the answer when it is not JSON; the handler then returns a string or Buffer. */
  readonly produces?: string;
}

/** The parameters of an address that is about one thing: `…/:id`. */
export const byId = z.object({ id: uuid });
export type ById = z.output<typeof byId>;

/** What a command answers: the aggregate, its revision after the command, and the position to read back from (`X-Min-Position`). */
export const commandAnswer = z.object({
  id: z.string().describe('Id of the aggregate that the command was for.'),
  revision: z.number().int().describe('Revision of its last event.'),
  position: z.string().describe('Send it as X-Min-Position to read your own write.'),
});

/** Circumstances of a command that a handler sets itself; all others come from the request. */
export interface CommandCircumstances {
  /** Tells several commands of one request apart, so that a retry repeats each of them. */
  readonly step?: string;
  /** Why, in words that may be stored beside the event: no personal data. */
  readonly reason?: string;
  /** For verified webhooks: the sender, and the id of the delivery as the command's. */
  readonly by?: Actor;
  readonly commandId?: string;
}

/** Who calls, given to a handler by `@Caller()`. */
export interface Caller {
  readonly actor: Actor;
  readonly correlationId: string;
  /** Position that the client wants to read from, when it sent X-Min-Position. */
  readonly minPosition: bigint | undefined;
  /** The circumstances of a command; the same Idempotency-Key gives the same command id. */
  commandContext(circumstances?: CommandCircumstances): CommandContext;
  /** An id for something that this request creates: v7, or with an Idempotency-Key one that a retry repeats. `purpose` tells several apart. */
  newId(purpose: string): string;
}

/** Values that the edge has read and checked before a handler runs; set by infra/http/edge.ts. */
export interface Exchange {
  readonly correlationId: string;
  caller: Caller;
  body: unknown;
  query: unknown;
  params: unknown;
  rawBody: Buffer | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    endpoint?: EndpointOptions;
  }
  interface FastifyRequest {
    exchange: Exchange;
  }
}

/** Makes a controller's method an endpoint; beside Nest's `@Get()`, `@Post()` ... which give it its address. */
export function Endpoint(options: EndpointOptions): MethodDecorator {
  const config = RouteConfig({ endpoint: options });
  return options.status === undefined ? applyDecorators(config) : applyDecorators(config, HttpCode(options.status));
}

const exchangeOf = (context: ExecutionContext): Exchange => context.switchToHttp().getRequest<FastifyRequest>().exchange;

/** The body as the endpoint's schema gives it. */
export const Body = createParamDecorator((_: unknown, context: ExecutionContext) => exchangeOf(context).body);
/** The query as the endpoint's schema gives it. */
export const Query = createParamDecorator((_: unknown, context: ExecutionContext) => exchangeOf(context).query);
/** The path parameters as the endpoint's schema gives them. */
export const Params = createParamDecorator((_: unknown, context: ExecutionContext) => exchangeOf(context).params);
/** The bytes of the body as they came (an empty Buffer when there were none): what a webhook's signature is over. */
export const RawBody = createParamDecorator((_: unknown, context: ExecutionContext) => exchangeOf(context).rawBody ?? Buffer.alloc(0));
/** Who calls. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) => exchangeOf(context).caller);
