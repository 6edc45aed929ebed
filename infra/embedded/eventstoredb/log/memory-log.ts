import type { EventLog } from './event-log.ts';
import { firstPosition, positionAfter } from './event-log.ts';
import { EventsInMemory } from './events-in-memory.ts';

/** A log that forgets everything: what the benches compare the durable one with. */
export function memoryLog(): EventLog {
  const events = new EventsInMemory();
  let end = firstPosition;
  return {
    end: () => end,
    headOf: (stream) => events.headOf(stream) ?? -1,
    transaction: (work) => work(),
    write(event) {
      events.add(event);
      end = positionAfter(event);
    },
    readAllForwards: (from, limit) => events.readAllForwards(from, limit),
    readAllBackwards: (before, limit) => events.readAllBackwards(before, limit),
    readStreamForwards: (stream, from, limit) => events.readStreamForwards(stream, from, limit),
    readStreamBackwards: (stream, from, limit) => events.readStreamBackwards(stream, from, limit),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
