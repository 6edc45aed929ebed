import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { event, type DomainEvent } from '#domain/kernel/event.ts';
import { MONDAY_NOON } from '#domain/kernel/given-when-then.ts';
import { HOUR, MINUTE, plus } from '#domain/kernel/time.ts';
import { channelCreated, channelId, miaSaysHello, redacted } from '#domain/matching/chat-channel.examples.ts';
import { ChatChannelNotFound, NotAChannelMember } from '#domain/matching/chat-channel.ts';
import { miaAsksOkafor, requestAccepted, requestSent, requestViewed, somebodyElse } from '#domain/matching/connection-request.examples.ts';
import { connectionRequestSent } from '#domain/matching/connection-request.ts';
import { established, miaAndOkafor } from '#domain/matching/student-tutor-match.examples.ts';
import { chatChannels } from '#projections/matching/chat-channels.ts';
import { chatMessages } from '#projections/matching/chat-messages.ts';
import { connectionRequests } from '#projections/matching/connection-requests.ts';
import { matches } from '#projections/matching/matches.ts';
import { projectedDatabase, type Happened } from '../projected-database.ts';
import { ChannelsQueries } from './channels.queries.ts';
import { ConnectionsQueries } from './connections.queries.ts';

const { connectionRequestId, studentId, tutorId } = miaAsksOkafor;
const secondRequest = '01939a00-0000-7000-8000-0000000000c2';
const secondTutor = '01939a00-0000-7000-8000-0000000000b2';

const of =
  (aggregateType: string, aggregateId: string) =>
  (one: DomainEvent): Happened => ({ stream: [aggregateType, aggregateId], event: one });

describe('Queries of matching', () => {
  let held: Awaited<ReturnType<typeof projectedDatabase>>;
  let connections: ConnectionsQueries;
  let channels: ChannelsQueries;

  beforeAll(async () => {
    held = await projectedDatabase(
      [connectionRequests, matches, chatChannels, chatMessages],
      ...[requestSent, requestViewed, requestAccepted].map(of('ConnectionRequest', connectionRequestId)),
      of('StudentTutorMatch', miaAndOkafor.matchId)(established),
      ...[channelCreated, miaSaysHello, redacted].map(of('ChatChannel', channelId)),
      of(
        'ConnectionRequest',
        secondRequest,
      )(event(connectionRequestSent, { ...requestSent.data, connectionRequestId: secondRequest, tutorId: secondTutor, message: 'Hello' })),
    );
    connections = new ConnectionsQueries(held.database);
    channels = new ChannelsQueries(held.database);
  });
  afterAll(() => held.dispose());

  it('list the requests of a student, the newest first, page by page', async () => {
    const ids = async (after?: readonly [string, string]) =>
      (await connections.requests('student', studentId, { limit: 1, after })).map(
        (request) => [request.sentAt, request.connectionRequestId] as const,
      );
    const [first] = await ids();
    expect(first).toEqual([plus(MONDAY_NOON, 7 * MINUTE), secondRequest]);
    const [second] = await ids(first);
    expect(second).toEqual([MONDAY_NOON, connectionRequestId]);
    expect(await ids(second)).toEqual([]);
  });
  it('list the requests to a tutor, of one status when asked', async () => {
    expect(await connections.requests('tutor', secondTutor, { limit: 9 })).toMatchObject([{ message: 'Hello', status: 'Pending' }]);
    expect(await connections.requests('tutor', secondTutor, { status: 'Accepted', limit: 9 })).toEqual([]);
  });
  it('show matches with their channels to both', async () => {
    const match = {
      ...miaAndOkafor,
      status: 'Active',
      since: plus(MONDAY_NOON, 3 * MINUTE),
      endedAt: null,
      channelId,
      channelStatus: 'Open',
    };
    expect(await connections.matchesOf(studentId)).toEqual([match]);
    expect(await connections.matchesOf(tutorId)).toEqual([match]);
    expect(await connections.matchesOf(somebodyElse.userId!)).toEqual([]);
    expect(await connections.match(miaAndOkafor.matchId)).toEqual(match);
  });
  it('show messages to members only, without the text that was taken out of sight', async () => {
    expect(await channels.messages(channelId, studentId, { limit: 9 })).toMatchObject([{ senderId: studentId, text: null, number: 1 }]);
    expect(await channels.messages(channelId, tutorId, { before: 1, limit: 9 })).toEqual([]);
    await expect(channels.messages(channelId, somebodyElse.userId, { limit: 9 })).rejects.toBeInstanceOf(NotAChannelMember);
    await expect(channels.messages(secondRequest, studentId, { limit: 9 })).rejects.toBeInstanceOf(ChatChannelNotFound);
  });
  it('count what became of requests', async () => {
    expect(await connections.figures(MONDAY_NOON, plus(MONDAY_NOON, HOUR))).toEqual({
      sent: 2,
      viewed: 1,
      accepted: 1,
      rejected: 0,
      expired: 0,
      withdrawn: 0,
      voided: 0,
      open: 1,
      medianMinutesToAnswer: 2,
    });
    expect(await connections.figures(plus(MONDAY_NOON, HOUR), plus(MONDAY_NOON, 2 * HOUR))).toMatchObject({
      sent: 0,
      medianMinutesToAnswer: null,
    });
  });
});
