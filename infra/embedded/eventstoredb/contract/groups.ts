import type { PersistentSubscriptionToAllSettings, PersistentSubscriptionToStreamSettings, ResolvedEvent } from '@eventstore/db-client';
import {
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
} from '@eventstore/db-client';
import { collect, Recorder } from './contract.ts';
import type { Peer } from './contract.ts';

export const toStreamSettings = (settings: Partial<PersistentSubscriptionToStreamSettings> = {}) =>
  persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, ...settings });

export const toAllSettings = (settings: Partial<PersistentSubscriptionToAllSettings> = {}) =>
  persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START, ...settings });

/** Checkpoints after every acknowledgement. */
export const eager = { checkPointLowerBound: 1, checkPointUpperBound: 1, checkPointAfter: 1 } as const;

type Sub = ReturnType<Peer['client']['subscribeToPersistentSubscriptionToStream']>;
type AllSub = ReturnType<Peer['client']['subscribeToPersistentSubscriptionToAll']>;

/** A connected consumer of a group, and what it got. */
export class GroupConsumer extends Recorder {
  readonly group: Sub | AllSub;

  constructor(subscription: Sub | AllSub) {
    super(subscription);
    this.group = subscription;
  }

  async ack(...events: ResolvedEvent[]): Promise<void> {
    await this.group.ack(...events);
  }

  async ackAll(): Promise<void> {
    await this.group.ack(...this.events);
  }

  /** How often each event was sent before, as the server says. */
  get retryCounts(): number[] {
    return this.events.map((event) => (event as { retryCount?: number }).retryCount ?? -1);
  }
}

export const consume = (peer: Peer, stream: string, group = 'group', bufferSize = 10): GroupConsumer =>
  new GroupConsumer(peer.client.subscribeToPersistentSubscriptionToStream(stream, group, { bufferSize }));

export const consumeAll = (peer: Peer, group: string, bufferSize = 10): GroupConsumer =>
  new GroupConsumer(peer.client.subscribeToPersistentSubscriptionToAll(group, { bufferSize }));

export const createGroup = (peer: Peer, stream: string, settings: Partial<PersistentSubscriptionToStreamSettings> = {}) =>
  peer.client.createPersistentSubscriptionToStream(stream, 'group', toStreamSettings(settings));

export const infoOf = (peer: Peer, stream: string) => peer.client.getPersistentSubscriptionToStreamInfo(stream, 'group');

/** Waits until the group says that a condition holds. */
export async function untilInfo(
  peer: Peer,
  stream: string,
  condition: (info: Awaited<ReturnType<typeof infoOf>>) => boolean,
): Promise<Awaited<ReturnType<typeof infoOf>>> {
  for (;;) {
    const info = await infoOf(peer, stream);
    if (condition(info)) return info;
  }
}

export const parkedStream = (stream: string) => `$persistentsubscription-${stream}::group-parked`;
export const checkpointStream = (stream: string) => `$persistentsubscription-${stream}::group-checkpoint`;

/** The data of the newest event of a stream, once there is one. */
export async function newestData(peer: Peer, stream: string): Promise<unknown> {
  for (;;) {
    const [event] = await collect(peer.client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })).catch(
      () => [],
    );
    if (event) return event.event?.data;
  }
}
