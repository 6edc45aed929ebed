import type { z } from 'zod';
import type { EventDefinition } from '#domain/kernel/event.ts';
import { schemaOf, type Json } from './openapi.ts';

/** A WebSocket frame: `data` of `{ id, type, ts, data }` from the server, the whole frame from a client. */
export interface FrameDefinition {
  readonly type: string;
  readonly sentence: string;
  readonly schema: z.ZodType;
}

export interface AsyncApiParts {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Where the WebSocket is: `wss://api.example.com/ws`. */
  readonly socketUrl: string;
  /** Event types are unique in the system. `stream` is the aggregate's type. */
  readonly events: readonly { readonly definition: EventDefinition; readonly stream: string }[];
  readonly toClients: readonly FrameDefinition[];
  readonly fromClients: readonly FrameDefinition[];
  /** Why the server closes a connection: codes of the application, 4000 to 4999. */
  readonly closings: readonly { readonly code: number; readonly reason: string }[];
}

type Messages = Record<string, Json>;

/** The AsyncAPI 3.0 document: the stored events by aggregate, and the frames of the WebSocket in both directions. */
export function asyncApi(parts: AsyncApiParts): { readonly [key: string]: Json } {
  const streams = Object.groupBy(parts.events, ({ stream }) => stream);
  const channels: Record<string, Json> = {};
  for (const [stream, events = []] of Object.entries(streams))
    channels[stream] = {
      address: `${stream}-{id}`,
      title: `Stream of one ${stream}`,
      parameters: { id: { description: `Id of the ${stream}.` } },
      servers: [{ $ref: '#/servers/eventstore' }],
      messages: Object.fromEntries(events.map(({ definition }) => [definition.type, { $ref: `#/components/messages/${definition.type}` }])),
    };
  const frames = [...parts.toClients, ...parts.fromClients];
  channels['socket'] = {
    address: '/ws',
    title: 'The WebSocket',
    servers: [{ $ref: '#/servers/socket' }],
    messages: Object.fromEntries(frames.map(({ type }) => [nameOf(type), { $ref: `#/components/messages/${nameOf(type)}` }])),
    // AsyncAPI has no place for the codes that a WebSocket is closed with.
    'x-close-codes': Object.fromEntries(parts.closings.map(({ code, reason }) => [code, reason])),
  };
  const socket = new URL(parts.socketUrl);
  return {
    asyncapi: '3.0.0',
    info: { title: parts.title, version: parts.version, description: parts.description, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: {
      socket: { host: socket.host, pathname: socket.pathname, protocol: socket.protocol.slice(0, -1) },
      eventstore: { host: 'eventstore', protocol: 'esdb', description: 'Inside the platform only.' },
    },
    channels,
    operations: {
      ...Object.fromEntries(
        Object.keys(streams).map((stream) => [`append${stream}`, { action: 'send', channel: { $ref: `#/channels/${stream}` } }]),
      ),
      pushFrames: { action: 'send', channel: { $ref: '#/channels/socket' }, messages: refs(parts.toClients) },
      takeFrames: { action: 'receive', channel: { $ref: '#/channels/socket' }, messages: refs(parts.fromClients) },
    },
    components: {
      messages: {
        ...Object.fromEntries(parts.events.map(({ definition }) => [definition.type, eventMessage(definition)])),
        ...frameMessages(parts.toClients),
        ...frameMessages(parts.fromClients),
      },
    },
  };
}

/** Names of messages hold no colon: `lesson:started` is `lesson.started`. */
const nameOf = (type: string): string => type.replaceAll(':', '.');

function refs(frames: readonly FrameDefinition[]): Json {
  return frames.map(({ type }) => ({ $ref: `#/channels/socket/messages/${nameOf(type)}` }));
}

function eventMessage(definition: EventDefinition): Json {
  const personal = Object.keys(definition.personal);
  return {
    name: definition.type,
    title: definition.type,
    summary: definition.sentence,
    payload: schemaOf(definition.schema, 'output'),
    'x-version': definition.version,
    ...(personal.length === 0 ? {} : { 'x-personal-fields': personal }),
  };
}

function frameMessages(frames: readonly FrameDefinition[]): Messages {
  return Object.fromEntries(
    frames.map(({ type, sentence, schema }) => [nameOf(type), { name: type, summary: sentence, payload: schemaOf(schema, 'output') }]),
  );
}
