import type { Outlet } from '../wire/outlet.ts';
import type { UuidFormat } from '../wire/read-responses.ts';
import { groupEventResponse } from './group-responses.ts';
import type { GroupMessage } from './group-message.ts';
import { LatencyStatistics, RateStatistics } from './statistics.ts';

/** One connection that reads a group. */
export class Consumer {
  readonly inFlight = new Map<string, { readonly message: GroupMessage; readonly sentAt: number }>();
  readonly rate = new RateStatistics();
  readonly latency: LatencyStatistics | undefined;
  readonly connectionName: string;
  readonly capacity: number;
  private readonly outlet: Outlet;
  private readonly uuids: UuidFormat;

  constructor(options: { outlet: Outlet; capacity: number; connectionName: string; uuids: UuidFormat; extraStatistics: boolean }) {
    this.outlet = options.outlet;
    this.capacity = options.capacity;
    this.connectionName = options.connectionName;
    this.uuids = options.uuids;
    this.latency = options.extraStatistics ? new LatencyStatistics() : undefined;
  }

  get freeSlots(): number {
    return this.outlet.closed ? 0 : Math.max(0, this.capacity - this.inFlight.size);
  }

  push(message: GroupMessage): void {
    this.inFlight.set(message.id, { message, sentAt: performance.now() });
    this.rate.count();
    this.outlet.send(groupEventResponse(message, this.uuids));
  }

  /** The message was dealt with, by whomever. */
  processed(id: string): void {
    const sent = this.inFlight.get(id);
    if (!sent) return;
    this.inFlight.delete(id);
    this.latency?.add(performance.now() - sent.sentAt);
  }

  drop(error: Error): void {
    this.outlet.fail(error);
  }
}
