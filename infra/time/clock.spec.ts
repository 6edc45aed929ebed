import { describe, expect, it } from '@jest/globals';
import { millisecondsBetween } from '#domain/kernel/time.ts';
import { MovableClock, SystemClock } from './clock.ts';

describe('The clock', () => {
  it('tells UTC with milliseconds', () => expect(new SystemClock().now()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));

  it('runs ahead by its offset', () => {
    const ahead = millisecondsBetween(new SystemClock().now(), new MovableClock(3_600_000).now());
    expect(Math.round(ahead / 60_000)).toBe(60);
  });

  it('tells its listeners the new offset', () => {
    const clock = new MovableClock(1_000);
    const heard: number[] = [];
    const stop = clock.onMove((offset) => heard.push(offset));
    clock.advance(500);
    clock.advance(0);
    stop();
    clock.advance(500);
    expect(heard).toEqual([1_500]);
    expect(clock.offset).toBe(2_000);
  });

  it('moves to a moment', () => {
    const clock = new MovableClock();
    clock.moveTo('2099-01-01T00:00:00.000Z');
    expect(clock.now().slice(0, 19)).toBe('2099-01-01T00:00:00');
  });

  it('never goes back', () => {
    const clock = new MovableClock(10_000);
    expect(() => clock.advance(-1)).toThrow(RangeError);
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError);
    expect(() => clock.moveTo('2020-01-01T00:00:00.000Z')).toThrow(RangeError);
    expect(() => clock.moveTo('soon')).toThrow(RangeError);
    expect(() => new MovableClock(-1)).toThrow(RangeError);
    expect(clock.offset).toBe(10_000);
  });
});
