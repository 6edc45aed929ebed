import { EventStoreDBClient } from '@eventstore/db-client';

/** Longest wait, in milliseconds, for a client to end its calls: one whose stream the server has ended never says that it is done. */
const PARTING_MS = 300;

/**
 * Ends all calls of a client and its connection. The client's own `dispose` leaves the connection open, and hangs when the server has
 * ended a batch stream with OK.
 */
export async function part(client: EventStoreDBClient): Promise<void> {
  const ended = async (): Promise<void> => {
    await client.dispose();
  };
  const closed = async (): Promise<void> => {
    const channel = await client['getChannel']();
    channel.close();
  };
  await within(PARTING_MS, ended());
  await within(PARTING_MS, closed());
}

/** Waits for a promise, at most for so long; neither its failure nor its lateness matters. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise.catch(() => undefined), late]);
  clearTimeout(timer);
}

/** A new client. Both kinds of cluster, TLS and the rest are said in the connection string (`esdb://…`). */
export function connect(connectionString: string): EventStoreDBClient {
  return EventStoreDBClient.connectionString(connectionString);
}

/** Resolves after so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** A growing pause with jitter before attempt `n` (from 1): 20 ms doubled each time, at most `longest` milliseconds. */
export function backOff(attempt: number, longest: number): number {
  const full = Math.min(longest, 20 * 2 ** Math.min(attempt, 20));
  return full / 2 + (Math.random() * full) / 2;
}
