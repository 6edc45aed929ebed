import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import type { IdempotencyKeys } from './idempotency.ts';
import { Problem } from './problems.ts';
import type { RequestExchange } from './request-exchange.ts';

/**
 * Claims the Idempotency-Key of a request, if it has one; answers it by the answer that is kept. Throws `idempotency_key_reused` and
 * `idempotency_key_in_use`.
 */
export function claimKey(exchange: RequestExchange, reply: FastifyReply, keys: IdempotencyKeys): undefined | Promise<void | 'answered'> {
  const id = exchange.caller.key;
  return id === undefined ? undefined : claim(id, exchange, reply, keys);
}

async function claim(id: string, exchange: RequestExchange, reply: FastifyReply, keys: IdempotencyKeys): Promise<void | 'answered'> {
  const body = createHash('sha256')
    .update(exchange.rawBody ?? '')
    .digest('hex');
  const admission = await keys.claim(id, body);
  switch (admission.kind) {
    case 'first':
      exchange.claimedKey = id;
      return;
    case 'answered': {
      const { status, contentType, body } = admission.answer;
      reply.code(status).header('idempotency-replayed', 'true').type(contentType).send(body);
      return 'answered';
    }
    case 'reused':
      throw new Problem('idempotency_key_reused');
    case 'in_use':
      throw new Problem('idempotency_key_in_use', { headers: { 'retry-after': '1' } });
  }
}

/** An answer that a retry would get again is kept; one that speaks of a passing fault is not. */
export async function keepAnswer(
  id: string,
  reply: FastifyReply,
  payload: unknown,
  { keys, log }: { keys: IdempotencyKeys; log: Logger },
): Promise<void> {
  const lasting = reply.statusCode < 500 && reply.statusCode !== 429 && (typeof payload === 'string' || payload === undefined);
  const contentType = String(reply.getHeader('content-type') ?? 'application/json; charset=utf-8');
  try {
    if (lasting) await keys.keep(id, { status: reply.statusCode, contentType, body: (payload as string | undefined) ?? '' });
    else await keys.release(id);
  } catch (error) {
    // The command is done and recognises itself: an answer that could not be kept is made again by the next try.
    log.warn({ err: error, correlationId: reply.request.exchange.correlationId }, 'an answer could not be kept for its Idempotency-Key');
  }
}
