import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { MovableClock } from '#infra/time/clock.ts';

/**
 * The clock of an embedded system: how far an operator has moved it forward is kept in a file, because time must not go back when the system
 * starts again.
 */
export function keptClock(file: string): MovableClock {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { offsetMs: number }) : { offsetMs: 0 };
  const clock = new MovableClock(kept.offsetMs);
  clock.onMove((offsetMs) => {
    writeFileSync(`${file}.new`, JSON.stringify({ offsetMs }));
    renameSync(`${file}.new`, file);
  });
  return clock;
}
