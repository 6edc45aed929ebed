import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { FanOut } from './fan-out.ts';

/** What every fan-out must do; `open` gives two nodes of one system, which may be the same object. */
export function fanOutContract(open: () => Promise<{ here: FanOut; there: FanOut; close: () => Promise<void> }>): void {
  let here: FanOut;
  let there: FanOut;
  let close: () => Promise<void>;

  beforeAll(async () => ({ here, there, close } = await open()));
  afterAll(() => close());

  /** The texts of a channel on the other node, and a wait for as many as are due. */
  const listen = async (channel: string) => {
    const heard: string[] = [];
    let due: { count: number; resolve: () => void } | undefined;
    const stop = await there.subscribe(channel, (text) => {
      heard.push(text);
      if (due !== undefined && heard.length >= due.count) due.resolve();
    });
    const all = (count: number) => (heard.length >= count ? Promise.resolve() : new Promise<void>((resolve) => (due = { count, resolve })));
    return { heard, stop, all };
  };

  it('passes a text to every listener of its channel and to no other', async () => {
    const [a, b, other] = [await listen('a'), await listen('a'), await listen('b')];
    await here.publish('a', 'hello');
    await here.publish('b', 'end');
    await Promise.all([a.all(1), b.all(1), other.all(1)]);
    expect([a.heard, b.heard, other.heard]).toEqual([['hello'], ['hello'], ['end']]);
    for (const { stop } of [a, b, other]) stop();
  });

  it('keeps the order of a publisher', async () => {
    const listener = await listen('order');
    const texts = Array.from({ length: 200 }, (_, n) => String(n));
    await Promise.all(texts.map((text) => here.publish('order', text)));
    await listener.all(200);
    expect(listener.heard).toEqual(texts);
    listener.stop();
  });

  it('stops for the one who stops, and not for others of the same channel', async () => {
    const [leaving, staying] = [await listen('stop'), await listen('stop')];
    leaving.stop();
    await here.publish('stop', 'after');
    await staying.all(1);
    expect([leaving.heard, staying.heard]).toEqual([[], ['after']]);
    staying.stop();
  });

  it('can be listened to again after everybody stopped', async () => {
    (await listen('again')).stop();
    const again = await listen('again');
    await here.publish('again', 'back');
    await again.all(1);
    expect(again.heard).toEqual(['back']);
    again.stop();
  });

  it('keeps nothing for later', async () => {
    await here.publish('later', 'lost');
    const late = await listen('later');
    await here.publish('later', 'heard');
    await late.all(1);
    expect(late.heard).toEqual(['heard']);
    late.stop();
  });
}
