import { prepared } from '../http/database.ts';
import Stripe from 'stripe';
import type { Json, JsonObject } from '../http/json.ts';
import type { Parameters } from './form.ts';
import { PLATFORM, newId, nowSeconds } from './store.ts';
import type { Resource, StripeStore } from './store.ts';

/** A request as a handler sees it. */
export interface Call {
  world: World;
  /** The variable parts of the path. */
  path: Record<string, string>;
  params: Parameters;
  /** The connected account that the request acts for, or the platform. */
  account: string;
  /** Whether a customer calls, with the publishable key. */
  byCustomer: boolean;
}

/** What a handler answers: a JSON body with 200, or with the status given (a declined card is stored and answered with 402). */
export interface Reply {
  status?: number;
  body: JsonObject;
}

/** An answer of a handler. */
export type Handler = (call: Call) => Reply;

/** Who caused an event. */
export interface RequestMark {
  id: string | null;
  idempotency_key: string | null;
}

/** Everything that the handlers share. */
export class World {
  /** The request being worked on; events name it. */
  mark: RequestMark = { id: null, idempotency_key: null };

  constructor(
    readonly store: StripeStore,
    /** The address of the stand-in itself, for links that people open. */
    readonly address: () => string,
  ) {}

  /** Records an event and queues it for the endpoint that Stripe would send it to: the platform's, or the one for connected accounts. */
  emit(type: string, object: Resource, options: { account?: string; previous?: JsonObject } = {}): void {
    const account = options.account ?? PLATFORM;
    const event: Resource = {
      id: newId('evt'),
      object: 'event',
      ...(account === PLATFORM ? {} : { account }),
      api_version: Stripe.API_VERSION,
      created: nowSeconds(),
      data: { object, ...(options.previous ? { previous_attributes: options.previous } : {}) },
      livemode: false,
      pending_webhooks: 1,
      request: { ...this.mark },
      type,
    };
    this.store.put(event, account);
    prepared(this.store.database, 'INSERT INTO deliveries (event, endpoint, attempts, due) VALUES (?, ?, 0, ?)').run(
      event.id,
      account === PLATFORM ? 'platform' : 'connect',
      Date.now(),
    );
  }
}

/** The usual answer to a list request. */
export function listReply(url: string, page: { data: Resource[]; hasMore: boolean }): Reply {
  return { body: { object: 'list', data: page.data, has_more: page.hasMore, url } };
}

/** Metadata after an update: given names are set, an empty value removes one. */
export function mergeMetadata(old: Json, changes: Record<string, string> | undefined): JsonObject {
  const merged: JsonObject = { ...(old as JsonObject), ...changes };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''));
}
