import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { byId, type ById, Caller, Endpoint, Params, Query } from '#infra/http/endpoint.ts';
import { chatChannels } from '#projections/matching/chat-channels.ts';
import { chatMessages } from '#projections/matching/chat-messages.ts';
import { connectionRequests } from '#projections/matching/connection-requests.ts';
import { matches } from '#projections/matching/matches.ts';
import { cursorOf, writeCursor } from '../cursor.ts';
import { match, message, request, requestStatus } from './answers.ts';
import { ChannelsQueries } from './channels.queries.ts';
import { ConnectionsQueries } from './connections.queries.ts';

const next = z.string().nullable().describe('Send it as `after` for the next page.');
const requestsWanted = z.object({
  status: requestStatus.optional(),
  after: cursorOf([z.iso.datetime(), uuid]).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
const requestsPage = z.object({ requests: z.array(request), next });
const matchesOfMine = z.object({ matches: z.array(match) });
const messagesWanted = z.object({
  before: z.coerce.number().int().min(0).optional().describe('The `next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const messagesPage = z.object({
  messages: z.array(message).describe('The newest first.'),
  next: z.number().int().nullable().describe('Send it as `before` for older ones.'),
});

@Controller()
export class ConnectionsQueriesController {
  constructor(
    @Inject(ConnectionsQueries) private readonly connections: ConnectionsQueries,
    @Inject(ChannelsQueries) private readonly channels: ChannelsQueries,
  ) {}

  @Get('connections/incoming')
  @Endpoint({
    summary: 'Requests of students to you, the newest first.',
    actors: ['tutor'],
    query: requestsWanted,
    response: requestsPage,
    reads: [connectionRequests.name],
  })
  incoming(@Query() wanted: z.output<typeof requestsWanted>, @Caller() caller: Caller): Promise<z.output<typeof requestsPage>> {
    return this.#requests('tutor', wanted, caller);
  }

  @Get('connections/outgoing')
  @Endpoint({
    summary: 'Your requests to tutors, the newest first.',
    actors: ['student'],
    query: requestsWanted,
    response: requestsPage,
    reads: [connectionRequests.name],
  })
  outgoing(@Query() wanted: z.output<typeof requestsWanted>, @Caller() caller: Caller): Promise<z.output<typeof requestsPage>> {
    return this.#requests('student', wanted, caller);
  }

  @Get('matches')
  @Endpoint({
    summary: 'The people you are, or were, connected with, and the channels you write in.',
    actors: ['student', 'tutor'],
    response: matchesOfMine,
    reads: [matches.name, chatChannels.name],
  })
  async matches(@Caller() caller: Caller): Promise<z.output<typeof matchesOfMine>> {
    return { matches: await this.connections.matchesOf(caller.actor.userId!) };
  }

  @Get('channels/:id/messages')
  @Endpoint({
    summary: 'The messages of a channel.',
    actors: ['student', 'tutor'],
    params: byId,
    query: messagesWanted,
    response: messagesPage,
    reads: [chatChannels.name, chatMessages.name],
  })
  async messages(
    @Params() { id }: ById,
    @Query() wanted: z.output<typeof messagesWanted>,
    @Caller() caller: Caller,
  ): Promise<z.output<typeof messagesPage>> {
    const messages = await this.channels.messages(id, caller.actor.userId, wanted);
    return { messages, next: messages.length < wanted.limit ? null : (messages.at(-1)?.number ?? null) };
  }

  async #requests(of: 'tutor' | 'student', wanted: z.output<typeof requestsWanted>, caller: Caller) {
    const requests = await this.connections.requests(of, caller.actor.userId!, wanted);
    const last = requests.length < wanted.limit ? undefined : requests.at(-1);
    return { requests, next: last === undefined ? null : writeCursor([last.sentAt, last.connectionRequestId]) };
  }
}
