import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ageOn, DAY, dayIn, millisecondsBetween, plus, timeZoneName } from './time.ts';

const instants = fc
  .date({ min: new Date('1990-01-01T00:00:00Z'), max: new Date('2090-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const days = instants.map((instant) => instant.slice(0, 10));

describe('Instants', () => {
  it('move and measure the same way', () =>
    fc.assert(
      fc.property(instants, fc.integer({ min: -DAY * 400, max: DAY * 400 }), (start, by) =>
        expect(millisecondsBetween(start, plus(start, by))).toBe(by),
      ),
    ));
  it('compare as strings', () =>
    fc.assert(fc.property(instants, instants, (one, other) => expect(one < other).toBe(Date.parse(one) < Date.parse(other)))));
});

describe('Age', () => {
  it.each([
    ['2008-11-24', '2026-11-23', 17],
    ['2008-11-24', '2026-11-24', 18],
    ['2008-02-29', '2026-02-28', 17],
    ['2008-02-29', '2026-03-01', 18],
    ['2008-02-29', '2028-02-29', 20],
  ])('of someone born on %s is on %s %s', (born, day, age) => expect(ageOn(born, day)).toBe(age));
  it('grows by one a year and never falls', () =>
    fc.assert(
      fc.property(days, days, (born, day) => {
        const nextYear = `${Number(day.slice(0, 4)) + 1}${day.slice(4)}`;
        expect(ageOn(born, nextYear)).toBe(ageOn(born, day) + 1);
        expect(ageOn(born, plus(`${day}T00:00:00.000Z`, DAY).slice(0, 10))).toBeGreaterThanOrEqual(ageOn(born, day));
      }),
    ));
});

describe('The day in a zone', () => {
  it('is that of its clocks', () => {
    expect(dayIn('Europe/Berlin', '2026-11-23T23:00:00.000Z')).toBe('2026-11-24');
    expect(dayIn('America/New_York', '2026-11-23T23:00:00.000Z')).toBe('2026-11-23');
    expect(dayIn('UTC', '2026-11-23T23:59:59.999Z')).toBe('2026-11-23');
  });
  it('is at most a day away from that of UTC', () =>
    fc.assert(
      fc.property(instants, fc.constantFrom('Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'), (at, zone) => {
        const away = millisecondsBetween(`${at.slice(0, 10)}T00:00:00.000Z`, `${dayIn(zone, at)}T00:00:00.000Z`);
        expect(Math.abs(away)).toBeLessThanOrEqual(DAY);
        expect(Number.isInteger(away / DAY)).toBe(true);
      }),
    ));
  it('needs a zone that exists', () => {
    expect(timeZoneName.safeParse('Europe/London').success).toBe(true);
    expect(timeZoneName.safeParse('Europe/Atlantis').success).toBe(false);
  });
});
