import { crc32 } from 'node:zlib';
import type { Consumer } from './consumer.ts';
import type { StrategyName } from './group-definition.ts';
import type { GroupMessage } from './group-message.ts';

/** Chooses who gets a message. */
export interface ConsumerStrategy {
  add(consumer: Consumer): void;
  remove(consumer: Consumer): void;
  /** `skip`: not this message now, but perhaps others; `none`: nobody has room. */
  choose(message: GroupMessage): Consumer | 'skip' | 'none';
}

export function consumerStrategy(name: StrategyName): ConsumerStrategy {
  if (name === 'Pinned') return new Pinned();
  return new Rotating(name === 'RoundRobin');
}

/** Round robin turns after each message; dispatch to single stays with one consumer until that is full. */
class Rotating implements ConsumerStrategy {
  private readonly consumers: Consumer[] = [];
  private readonly turnsAlways: boolean;

  constructor(turnsAlways: boolean) {
    this.turnsAlways = turnsAlways;
  }

  add(consumer: Consumer): void {
    this.consumers.push(consumer);
  }

  remove(consumer: Consumer): void {
    const index = this.consumers.indexOf(consumer);
    if (index >= 0) this.consumers.splice(index, 1);
  }

  choose(): Consumer | 'none' {
    for (let tried = 0; tried < this.consumers.length; tried += 1) {
      const [first] = this.consumers;
      if (!first) break;
      const hasRoom = first.freeSlots > 0;
      if (this.turnsAlways || !hasRoom) this.consumers.push(...this.consumers.splice(0, 1));
      if (hasRoom) return first;
    }
    return 'none';
  }
}

const bucketCount = 1024;

/** All events of a stream go to the same consumer, as long as it stays. */
class Pinned implements ConsumerStrategy {
  private readonly assignments = new Map<Consumer, Set<number>>();
  private readonly buckets = new Map<number, Consumer>();

  add(consumer: Consumer): void {
    this.assignments.set(consumer, new Set());
  }

  remove(consumer: Consumer): void {
    for (const bucket of this.assignments.get(consumer) ?? []) this.buckets.delete(bucket);
    this.assignments.delete(consumer);
  }

  choose(message: GroupMessage): Consumer | 'skip' | 'none' {
    if (![...this.assignments.keys()].some(({ freeSlots }) => freeSlots > 0)) return 'none';
    const bucket = crc32(sourceStream(message)) % bucketCount;
    const consumer = this.buckets.get(bucket) ?? this.assign(bucket);
    if (!consumer) return 'none';
    return consumer.freeSlots > 0 ? consumer : 'skip';
  }

  private assign(bucket: number): Consumer | undefined {
    let chosen: [Consumer, Set<number>] | undefined;
    for (const candidate of this.assignments) if (!chosen || candidate[1].size < chosen[1].size) chosen = candidate;
    if (!chosen) return undefined;
    chosen[1].add(bucket);
    this.buckets.set(bucket, chosen[0]);
    return chosen[0];
  }
}

/** The stream that an event is about: of a link that of its target. */
function sourceStream({ resolved, record }: GroupMessage): string {
  if (resolved.event && resolved.link) return resolved.event.stream;
  if (record.type !== '$>') return record.stream;
  const target = record.content().data.toString('utf8');
  return target.slice(target.indexOf('@') + 1);
}
