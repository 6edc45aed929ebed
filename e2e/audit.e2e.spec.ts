import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { ApiProblem, type Api } from '#app/demo/api.ts';
import { join, newPerson, type Person } from '#app/demo/people.ts';
import { EmbeddedPlatform } from './embedded-platform.ts';

interface History {
  readonly events: readonly {
    readonly eventType: string;
    readonly revision: number;
    readonly timestamp: string;
    readonly correlationId: string;
    readonly causationId: string;
    readonly metadata: { readonly source: string; readonly role: string; readonly userId?: string };
    readonly data: Readonly<Record<string, unknown>>;
  }[];
  readonly next: string | null;
  readonly personalShown: boolean;
}

describe('The audit of an account', () => {
  let platform: EmbeddedPlatform;
  let admin: Api;
  let adminId: string;
  let student: Person;
  const history = (query = '') => admin.get<History>(`/audit/UserAccount/${student.userId}/events${query}`);
  const trail = async () => (await admin.get<History>(`/audit/AuditTrail/${adminId}/events?limit=200`)).events.map(({ data }) => data);

  beforeAll(async () => {
    platform = await EmbeddedPlatform.start();
    student = newPerson(platform.world, 'Mia');
    await join(platform.world, student, 'student', 'Europe/Berlin');
    admin = await platform.admin();
    adminId = (await admin.get<{ userId: string }>('/users/profile')).userId;
  }, 120_000);
  afterAll(async () => {
    await platform?.stop();
  });

  it('says what happened, when, by whom and why, with personal fields masked', async () => {
    const { events, personalShown } = await history();
    expect(events.map(({ eventType }) => eventType)).toEqual(expect.arrayContaining(['AccountCreated', 'AccountActivated']));
    expect(personalShown).toBe(false);
    expect(JSON.stringify(events)).not.toContain(student.email);
    const [created] = events;
    expect(created).toMatchObject({
      eventType: 'AccountCreated',
      revision: 0,
      data: { email: '[masked]', role: 'student' },
      metadata: { source: 'command-api' },
    });
    // The mail follows from the registration: it has its correlation id, and the event as its cause.
    expect(new Set(events.slice(0, 2).map(({ correlationId }) => correlationId)).size).toBe(1);
  });

  it('shows personal fields for a reason', async () => {
    const { events, personalShown } = await history(`?reason=${encodeURIComponent('Case 4711')}`);
    expect([personalShown, events[0]?.data['email']]).toEqual([true, student.email]);
  });

  it('is read in pages', async () => {
    const first = await history('?limit=1');
    expect([first.events.length, first.next]).toEqual([1, '1']);
    const second = await history(`?limit=1&cursor=${first.next}`);
    expect(second.events[0]?.revision).toBe(1);
  });

  it('is itself recorded, each time it is read', async () => {
    const before = (await trail()).length;
    await history('?limit=1&reason=Case%204712');
    // Reading the trail is recorded too, behind what it shows.
    const after = await trail();
    expect(after.at(-2)).toMatchObject({ aggregateType: 'AuditTrail', aggregateId: adminId });
    expect(after.at(-1)).toMatchObject({
      aggregateType: 'UserAccount',
      aggregateId: student.userId,
      count: 1,
      personalShown: true,
      reason: 'Case 4712',
    });
    expect(after.length).toBe(before + 2);
  });

  it('is for admins', async () => {
    await expect(student.api.get(`/audit/UserAccount/${student.userId}/events`)).rejects.toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('does not exist for what does not exist', async () => {
    for (const path of [`UserAccount/${newId()}`, `Nonsense/${newId()}`])
      await expect(admin.get(`/audit/${path}/events`)).rejects.toBeInstanceOf(ApiProblem);
    await expect(admin.get(`/audit/UserAccount/${newId()}/events`)).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });
});
