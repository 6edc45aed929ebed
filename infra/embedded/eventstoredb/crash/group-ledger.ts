import type { EventStoreDBClient } from '@eventstore/db-client';
import { persistentSubscriptionToStreamSettingsFromDefaults, START } from '@eventstore/db-client';

const groupName = 'crash';

/** The events that the consumer parks; it acknowledges all others. */
const isParked = (revision: number): boolean => revision % 7 === 3;

/** A group whose consumer dies with the server over and over, and what must be true of it afterwards. */
export class GroupLedger {
  private readonly settled = new Set<number>();
  private readonly stream: string;
  private checkpoint = -1;

  constructor(stream: string) {
    this.stream = stream;
  }

  async create(client: EventStoreDBClient): Promise<void> {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({
      startFrom: START,
      checkPointLowerBound: 1,
      checkPointUpperBound: 5,
      checkPointAfter: 10,
    });
    await client.createPersistentSubscriptionToStream(this.stream, groupName, settings);
  }

  /** Acknowledges and parks until the connection breaks. */
  consume(client: EventStoreDBClient, seen: (revision: number) => void = () => undefined): () => Promise<void> {
    const subscription = client.subscribeToPersistentSubscriptionToStream(this.stream, groupName, { bufferSize: 20 });
    subscription.on('error', () => subscription.removeAllListeners('data'));
    subscription.on('data', (event) => {
      const revision = Number(event.event?.revision);
      this.settled.add(revision);
      const settling = isParked(revision) ? subscription.nack('park', 'every seventh', event) : subscription.ack(event);
      settling.then(
        () => seen(revision),
        () => undefined,
      );
    });
    return () => subscription.unsubscribe();
  }

  /** The checkpoint never goes back, nothing up to it is unsettled, and what was parked up to it is there. */
  async verify(client: EventStoreDBClient): Promise<void> {
    const { stats } = await client.getPersistentSubscriptionToStreamInfo(this.stream, groupName);
    const checkpoint = Number(stats.lastCheckpointedEventRevision ?? -1n);
    if (checkpoint < this.checkpoint) throw new Error(`The checkpoint went back from ${this.checkpoint} to ${checkpoint}.`);
    this.checkpoint = checkpoint;
    const parked = await this.parkedRevisions(client);
    for (let revision = 0; revision <= checkpoint; revision += 1) {
      if (!this.settled.has(revision)) throw new Error(`The checkpoint ${checkpoint} has passed ${revision}, which nobody settled.`);
      if (isParked(revision) && !parked.has(revision)) throw new Error(`${revision} was parked and is lost.`);
    }
  }

  /** Takes everything that is left: each event of the stream was delivered at least once. */
  async drain(client: EventStoreDBClient): Promise<void> {
    const [last] = await this.read(client, this.stream, 1);
    if (last === undefined) return;
    const head = Number(last.revision);
    const done = Promise.withResolvers<void>();
    const check = (): void => {
      for (let revision = this.checkpoint + 1; revision <= head; revision += 1) if (!this.settled.has(revision)) return;
      done.resolve();
    };
    const close = this.consume(client, check);
    check();
    await done.promise;
    await close();
  }

  private async parkedRevisions(client: EventStoreDBClient): Promise<Set<number>> {
    const events = await this.read(client, `$persistentsubscription-${this.stream}::${groupName}-parked`, Number.MAX_SAFE_INTEGER);
    return new Set(events.map(({ data }) => Number.parseInt(Buffer.from(data as Uint8Array).toString(), 10)));
  }

  private async read(client: EventStoreDBClient, stream: string, maxCount: number): Promise<{ revision: bigint; data: unknown }[]> {
    const found: { revision: bigint; data: unknown }[] = [];
    try {
      for await (const { event } of client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount })) {
        if (event) found.push({ revision: event.revision, data: event.data });
      }
    } catch (error) {
      if ((error as { type?: string }).type !== 'stream-not-found') throw error;
    }
    return found;
  }
}
