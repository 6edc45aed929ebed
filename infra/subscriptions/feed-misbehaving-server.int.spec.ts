import { afterEach, describe, expect, it } from '@jest/globals';
import { UndecodableEvent } from '#infra/event-store/codec.ts';
import {
  checkpoint,
  confirmed,
  sent,
  startScriptedServer,
  subscriptionOf,
  type ReadCall,
  type ScriptedServer,
} from '#infra/event-store/scripted-server.ts';
import { SilentSubscription } from './feed.ts';
import { afterwards, clientOf, endAll, following } from './following.examples.ts';

afterEach(endAll);

const TALLY = 'Tally-01939a00-0000-7000-8000-0000000000c1';

describe('A feed on a server that misbehaves', () => {
  interface Subscribed {
    readonly call: ReadCall;
    readonly after: number | undefined;
    readonly nth: number;
  }

  /** A log of `length` events at the positions 100, 200 ...; subscriptions do as the script says. */
  async function scripted(
    length: number,
    onSubscription: (subscribed: Subscribed) => void,
  ): Promise<{ server: ScriptedServer; afters: (number | undefined)[] }> {
    const afters: (number | undefined)[] = [];
    const server = await startScriptedServer({
      read: (call) => {
        const subscription = subscriptionOf(call.request);
        if (subscription === undefined) {
          for (let n = length - 1; n >= 0; n--) call.write(sent(TALLY, n, 100 * (n + 1)));
          call.end();
          return;
        }
        afters.push(subscription.after);
        call.write(confirmed());
        onSubscription({ call, after: subscription.after, nth: afters.length });
      },
    });
    afterwards(() => server.stop());
    return { server, afters };
  }

  const send = (call: ReadCall, after: number | undefined, to: number): void => {
    for (let n = (after ?? 0) / 100; n < to; n++) call.write(sent(TALLY, n, 100 * (n + 1)));
  };
  const fail = (call: ReadCall, code: number, details: string): boolean =>
    call.emit('error', Object.assign(new Error(details), { code, details }));
  const subscriptions = (server: ScriptedServer): number =>
    [...server.open].filter((call) => 'request' in call && subscriptionOf(call.request) !== undefined).length;

  it.each([
    ['is unavailable', 14, 'gone'],
    ['gives up a slow consumer', 10, 'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.'],
    ['shuts down', 1, 'Call cancelled'],
  ])(
    'resumes after what it has processed when the server %s, though the dead subscription goes on delivering',
    async (_what, code, details) => {
      const { server, afters } = await scripted(60, ({ call, after, nth }) => {
        send(call, after, nth === 1 ? 40 : 60);
        if (nth === 1) fail(call, code, details);
      });
      const { revisions, until } = following(clientOf(server), { pageSize: 5 });
      await until(() => revisions().length >= 60);
      expect(revisions()).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(afters).toHaveLength(2);
      await server.until(() => subscriptions(server) === 1);
    },
  );

  it('takes an end that nobody asked for as a drop', async () => {
    const { server, afters } = await scripted(4, ({ call, after, nth }) => {
      send(call, after, nth === 1 ? 2 : 4);
      if (nth === 1) call.end();
    });
    const { revisions, until } = following(clientOf(server));
    await until(() => revisions().length >= 4);
    expect(revisions()).toEqual([0, 1, 2, 3]);
    expect(afters.length).toBe(2);
  });

  it('replaces a subscription that falls silent without an error, and ends its call', async () => {
    const { server } = await scripted(5, ({ call, after, nth }) => send(call, after, nth === 1 ? 2 : 5));
    const { revisions, until, troubles } = following(clientOf(server));
    await until(() => revisions().length >= 5);
    expect(revisions()).toEqual([0, 1, 2, 3, 4]);
    expect(troubles[0]).toBeInstanceOf(SilentSubscription);
    await server.until(() => subscriptions(server) === 1);
  });

  it('replaces one that never even began', async () => {
    const { server } = await scripted(2, ({ call, after, nth }) => {
      if (nth > 1) send(call, after, 2);
    });
    const { revisions, until } = following(clientOf(server));
    await until(() => revisions().length >= 2);
  });

  it('moves on with the checkpoints of the server, and never ahead of an event', async () => {
    const { server } = await scripted(30, ({ call }) => {
      send(call, undefined, 30);
      call.write(checkpoint(9_000));
      call.write(checkpoint(9_500));
    });
    const seenBefore: number[] = [];
    let seen = 0;
    const { pages, until } = following(clientOf(server), {
      pageSize: 2,
      watchEveryMs: 60_000,
      onPage: async (page) => {
        for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
        seen += page.events.length;
        if (page.position >= 9_000n) seenBefore.push(seen);
      },
    });
    await until(() => pages.at(-1)?.position === 9_500n);
    expect(new Set(seenBefore)).toEqual(new Set([30]));
  });

  it('holds the server back while a page takes its time', async () => {
    let accepted = 0;
    const { server } = await scripted(20_000, ({ call }) => {
      const push = (): void => {
        let more = true;
        while (more && accepted < 20_000) more = call.write(sent(TALLY, accepted, 100 * ++accepted));
        if (accepted < 20_000) call.once('drain', push);
      };
      push();
    });
    let finish: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (finish = resolve));
    let entered: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => (entered = resolve));
    const { revisions, until } = following(clientOf(server), {
      pageSize: 10,
      watchEveryMs: 60_000,
      onPage: () => {
        entered();
        return first;
      },
    });
    await busy;
    let before = -1;
    while (before !== accepted) {
      before = accepted;
      for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate);
    }
    expect(accepted).toBeLessThan(2_000);
    finish();
    await until(() => revisions().length >= 3_000);
    expect(revisions().slice(0, 3_000)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  });

  it('stops before an event that cannot be read, says which, and has processed all before it', async () => {
    const { server } = await scripted(6, ({ call }) => {
      send(call, undefined, 3);
      call.write(sent(TALLY, 3, 400, 'TallyTurnedIntoGold'));
      send(call, 400, 6);
    });
    const { feed, failures, until, revisions } = following(clientOf(server));
    await until(() => failures.length > 0);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(UndecodableEvent);
    expect(failures[0]?.event).toMatchObject({ type: 'TallyTurnedIntoGold', revision: 3n });
    expect(revisions()).toEqual([0, 1, 2]);
    expect(feed.position).toBe(300n);
    await server.until(() => subscriptions(server) === 0);
  });

  it('leaves no call open when it is stopped', async () => {
    const { server } = await scripted(3, ({ call, after }) => send(call, after, 3));
    const { feed, revisions, until } = following(clientOf(server));
    await until(() => revisions().length >= 3);
    await feed.stop();
    await server.until(() => subscriptions(server) === 0);
  });
});
