import { deciders } from '#domain/deciders.ts';
import { ActNotPossible, CompensationNotNamed, NothingToEdit } from '#infra/process-managers/operations.ts';
import { NoSuchReadModel, NothingHeldBack } from '#infra/projections/acts.ts';
import type { AsyncApiParts } from '#infra/http/asyncapi.ts';
import type { ApiInfo } from '#infra/http/openapi.ts';
import { eventFrames } from '#realtime/event-frames.ts';
import { fromClients } from '#realtime/client-frames.ts';
import { socketUrl } from '#realtime/ticket.controller.ts';
import { CLOSE, controlFrames } from '#realtime/server-frames.ts';
import { NoSuchDeadLetter } from '../operations/dead-letter-office.ts';

const VERSION = '1.0.0';
const refusals = [...new Set(deciders.flatMap((decider) => decider.refusals))];
const ofOperators = [ActNotPossible, CompensationNotNamed, NothingToEdit, NoSuchReadModel, NothingHeldBack, NoSuchDeadLetter];

/** What the public API's document says of the whole. */
export function publicApi(url: string): ApiInfo {
  return {
    title: 'Chalkstream',
    version: VERSION,
    description:
      'Students find verified tutors, connect, book, pay and meet. Commands answer with a position; send it as `X-Min-Position` to read your own write. ' +
      'Every POST takes an `Idempotency-Key`. Errors are problem documents with a stable `code`. ' +
      '[Events and the frames of the WebSocket](/docs/asyncapi.json).',
    url,
    security: 'bearer',
    refusals,
  };
}

/** The same of the internal API. */
export function internalApi(url: string): ApiInfo {
  return {
    title: 'Chalkstream, internal',
    version: VERSION,
    description: 'For services and operators inside the house: requests are signed in SigV4 form with the key of a service.',
    url,
    security: 'signature',
    refusals: [...refusals, ...ofOperators],
  };
}

/** Stored events and WebSocket frames. */
export function events(publicUrl: string): AsyncApiParts {
  return {
    title: 'Chalkstream events',
    version: VERSION,
    description: 'The events of every aggregate as they are stored, and the frames of the WebSocket.',
    socketUrl: socketUrl(publicUrl),
    events: deciders.flatMap((decider) => decider.events.map((definition) => ({ definition, stream: decider.aggregateType }))),
    toClients: [...eventFrames, ...controlFrames],
    fromClients,
    closings: Object.values(CLOSE),
  };
}
