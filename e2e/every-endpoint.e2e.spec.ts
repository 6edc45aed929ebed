import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { join, newPerson } from '#app/demo/people.ts';
import type { DomainEvent } from '#domain/kernel/event.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { confirmed, initiated, reserved } from '#domain/lessons/lesson-booking.examples.ts';
import { chatOpened, miaWrites, uploadRequested, worksheet } from '#domain/lessons/lesson-chat.examples.ts';
import { roomCreated } from '#domain/lessons/video-session.examples.ts';
import { channelCreated, channelId } from '#domain/matching/chat-channel.examples.ts';
import { miaAsksOkafor, requestSent } from '#domain/matching/connection-request.examples.ts';
import { about, queued } from '#domain/tutoring/admin-review-session.examples.ts';
import { signedHeaders } from '#infra/auth/signing.ts';
import { addressOf, operationsOf, sampleOf, wrongBodies, type Operation } from './api-document.ts';
import { EmbeddedPlatform } from './embedded-platform.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

let platform: EmbeddedPlatform;
let operations: Operation[];
let internalOperations: Operation[];
/** Access tokens of strangers, by role. */
const tokens: Record<string, string> = {};
/** A position that every read model must have passed to know of the others' things. */
let position = '0';

beforeAll(async () => {
  platform = await EmbeddedPlatform.start();
  const { publicUrl, internalUrl } = platform.addresses;
  operations = await operationsOf(publicUrl);
  internalOperations = await operationsOf(internalUrl);
  for (const role of ['student', 'tutor'] as const) {
    const person = newPerson(platform.world, role);
    await join(platform.world, person, role, 'Europe/Berlin');
    tokens[role] = person.api.token ?? '';
  }
  tokens['admin'] = (await platform.admin()).token ?? '';
  await recordOthersThings();
}, 120_000);
afterAll(async () => {
  await platform?.stop();
});

/** What Mia and Mr Okafor have between them, straight into the log: the strangers above have no part in it. */
async function recordOthersThings(): Promise<void> {
  const lessonId = roomCreated.data.lessonId;
  const things: readonly [string, string, readonly DomainEvent[]][] = [
    ['ConnectionRequest', miaAsksOkafor.connectionRequestId, [requestSent]],
    ['ChatChannel', channelId, [channelCreated]],
    ['LessonBooking', initiated.data.bookingId, [initiated, reserved, confirmed]],
    ['VideoSession', lessonId, [roomCreated]],
    ['LessonChat', lessonId, [chatOpened, miaWrites, uploadRequested]],
    ['AdminReviewSession', about.reviewId, [queued]],
  ];
  for (const [aggregateType, aggregateId, events] of things) position = await platform.happened(aggregateType, aggregateId, ...events);
}

/** The id of somebody else's thing that an address is about. */
function othersIds({ path }: Operation): Record<string, string> {
  if (path.startsWith('/connections/')) return { id: miaAsksOkafor.connectionRequestId };
  if (path.startsWith('/channels/')) return { id: channelId };
  if (path.startsWith('/lessons/')) return { id: roomCreated.data.lessonId, fileId: worksheet.fileId };
  if (path.includes('/reviews/')) return { id: about.reviewId };
  if (path.startsWith('/payments/')) return { id: followUpId('PaymentTransaction', initiated.data.bookingId) };
  return { id: miaAsksOkafor.studentId };
}

interface Request {
  readonly token?: string | undefined;
  readonly body?: string | undefined;
  readonly type?: string;
  readonly address?: string;
}

async function send(
  operation: Operation,
  { token, body, type = 'application/json', address = addressOf(operation) }: Request = {},
): Promise<Answer> {
  const response = await fetch(platform.addresses.publicUrl + address, {
    method: operation.method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': type }),
      ...(operation.method === 'GET' ? { 'x-min-position': position } : {}),
    },
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
}

async function sendInternally(operation: Operation, { body, signed = true }: { body?: string; signed?: boolean } = {}): Promise<Answer> {
  const { internalUrl, internalKey } = platform.addresses;
  const url = new URL(addressOf(operation), internalUrl);
  const headers = signed
    ? signedHeaders({ method: operation.method, url, actingAdmin: newId(), ...(body === undefined ? {} : { body }) }, internalKey)
    : {};
  const response = await fetch(url, {
    method: operation.method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
}

/** What is wrong with a refusal: nothing, or one line. */
function complaint(name: string, { status, type, text }: Answer, allowed: readonly number[]): string | undefined {
  const said = `${name} answered ${status} ${text.slice(0, 300)}`;
  if (!allowed.includes(status)) return said;
  if (status < 400) return undefined;
  if (!type.startsWith('application/problem+json')) return `${said} as ${type}`;
  const { code, status: inBody, correlationId, title } = JSON.parse(text) as Record<string, unknown>;
  return typeof code === 'string' && inBody === status && typeof correlationId === 'string' && typeof title === 'string' ? undefined : said;
}

/** Sends to every operation that `pick` gives requests for; all complaints together, so that one run shows them all. */
async function complaints(pick: (operation: Operation) => readonly [Request, readonly number[]][], of = operations): Promise<string[]> {
  const found: (string | undefined)[] = [];
  for (const operation of of)
    for (const [request, allowed] of pick(operation)) found.push(complaint(operation.name, await send(operation, request), allowed));
  return found.filter((line) => line !== undefined);
}

const open = ({ actors }: Operation): boolean => actors.includes('anyone');
/** A token with which the caller's role is right; none where none is needed. */
const rightToken = ({ actors }: Operation): string | undefined => actors.map((role) => tokens[role]).find((token) => token !== undefined);
const fitting = ({ body }: Operation): string | undefined => (body === undefined ? undefined : JSON.stringify(sampleOf(body)));
/** Anything but a fault: done, or refused for a reason. */
const ANY_REASON = [200, 201, 202, 204, 302, 303, 400, 401, 403, 404, 409, 410, 415, 422, 429];

describe('Every endpoint of the public API', () => {
  it('is there', () => expect(operations.length).toBeGreaterThan(50));

  it('answers a missing or forged token with 401', async () => {
    const forged = 'eyJhbGciOiJub25lIn0.e30.';
    expect(
      await complaints((operation) =>
        open(operation)
          ? []
          : [
              [{ body: fitting(operation) }, [401]],
              [{ body: fitting(operation), token: forged }, [401]],
            ],
      ),
    ).toEqual([]);
  });

  it('answers the wrong role with 403', async () => {
    expect(
      await complaints((operation) => {
        const wrong = Object.entries(tokens).filter(([role]) => !open(operation) && !operation.actors.includes(role));
        return wrong.map(([, token]) => [{ body: fitting(operation), token }, [403]]);
      }),
    ).toEqual([]);
  });

  it('answers a wrong body with 400, and what is no JSON with 400 or 415', async () => {
    expect(
      await complaints((operation) => {
        const token = rightToken(operation);
        if (operation.body === undefined) return [];
        return [
          ...wrongBodies(operation.body).map((body) => [{ token, body: JSON.stringify(body) }, [400]] as [Request, number[]]),
          [{ token, body: '{"cut": ' }, [400]],
          [{ token, body: '{"__proto__": {"admin": true}}' }, [400]],
          [{ token, body: 'a=b', type: 'text/plain' }, [415]],
        ];
      }),
    ).toEqual([]);
  });

  it('answers nonsense for a signed webhook or a form without a fault', async () => {
    const refused = ANY_REASON.filter((status) => status >= 400);
    expect(
      await complaints(({ raw }) =>
        raw
          ? ['', '{}', '[]', 'null', '{"Type": "Notification", "Message": 7}', 'a=b&c', '\u0000\uffff'].map(
              (body) => [{ body }, [...refused, 200]] as [Request, number[]],
            )
          : [],
      ),
    ).toEqual([]);
  });

  it('answers an address that is no id with 400 or 404', async () => {
    expect(
      await complaints((operation) =>
        ['%00', 'no-id', '..%2f..%2fetc', 'ü'].flatMap((id): [Request, number[]][] =>
          operation.path.includes('{') && !operation.raw
            ? [
                [
                  {
                    token: rightToken(operation),
                    body: fitting(operation),
                    address: addressOf(operation, { id, fileId: id, token: id, aggregateId: id }).replaceAll('%25', '%'),
                  },
                  [400, 403, 404],
                ],
              ]
            : [],
        ),
      ),
    ).toEqual([]);
  });

  it('answers an unknown id with a refusal', async () => {
    expect(
      await complaints((operation) => {
        // A form answers a page: it is for people.
        if (!operation.path.includes('{') || operation.raw) return [];
        const address = addressOf(operation, { id: newId(), fileId: newId() });
        return [[{ token: rightToken(operation), body: fitting(operation), address }, [403, 404, 409, 422]]];
      }),
    ).toEqual([]);
  });

  it('answers somebody else’s id with a refusal', async () => {
    expect(
      await complaints((operation) => {
        if (!operation.path.includes('{id}') || open(operation)) return [];
        const address = addressOf(operation, othersIds(operation));
        // These things are there: a 404 would mean that the spec looks past them.
        const theirs = /^\/(connections|channels|lessons|tutors\/reviews)\//.test(operation.path);
        return operation.actors
          .filter((role) => role === 'student' || role === 'tutor')
          .map((role) => [{ token: tokens[role], body: fitting(operation), address }, theirs ? [403] : [403, 404]] as [Request, number[]]);
      }),
    ).toEqual([]);
  });

  it('never answers a well-formed request with a fault', async () => {
    expect(await complaints((operation) => [[{ token: rightToken(operation), body: fitting(operation) }, ANY_REASON]])).toEqual([]);
  });

  it('answers a method that it does not have with 404', async () => {
    const brew = operations.filter(({ method }) => method === 'GET').map((operation) => ({ ...operation, method: 'PATCH' }));
    expect(await complaints((operation) => [[{ token: rightToken(operation), address: addressOf(operation) }, [404]]], brew)).toEqual([]);
  });
});

describe('Every endpoint of the internal API', () => {
  const internalComplaints = async (
    pick: (operation: Operation) => readonly [{ body?: string; signed?: boolean }, readonly number[]][],
  ) => {
    const found: (string | undefined)[] = [];
    for (const operation of internalOperations)
      for (const [request, allowed] of pick(operation))
        found.push(complaint(operation.name, await sendInternally(operation, request), allowed));
    return found.filter((line) => line !== undefined);
  };
  const withBody = (operation: Operation) => {
    const body = fitting(operation);
    return body === undefined ? {} : { body };
  };

  it('is there', () => expect(internalOperations.length).toBeGreaterThan(10));
  it('answers an unsigned request with 401', async () => {
    expect(await internalComplaints((operation) => [[{ ...withBody(operation), signed: false }, [401]]])).toEqual([]);
  });
  it('answers a wrong body with 400', async () => {
    expect(
      await internalComplaints(({ body }) =>
        body === undefined
          ? []
          : wrongBodies(body).map((wrong) => [{ body: JSON.stringify(wrong) }, [400]] as [{ body: string }, number[]]),
      ),
    ).toEqual([]);
  });
  it('answers an unknown id without a fault', async () => {
    expect(await internalComplaints((operation) => [[withBody(operation), ANY_REASON]])).toEqual([]);
  });
});
