import { firstPosition } from '../log/event-log.ts';
import { LogFile } from '../log/log-file.ts';
import type { LoggedEvent } from '../log/logged-event.ts';
import { tombstoneRevision } from '../log/logged-event.ts';
import { refuseUnsound, wholeCommits } from './whole-commits.ts';

/** One line of a dump. Data and metadata are text where they are UTF-8, else base64. */
export interface DumpedEvent {
  readonly position: number;
  readonly stream: string;
  /** A tombstone has none. */
  readonly revision?: number;
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  /** ISO 8601. */
  readonly created: string;
  readonly data?: string;
  readonly dataBase64?: string;
  readonly metadata?: string;
  readonly metadataBase64?: string;
}

const fatalUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Gives every event of a log in order as a line of JSON, as they are at this moment.
 * @throws Error when there is no log, or, after the last line that can be read, when it is damaged
 */
export function* dump(folder: string): Generator<string> {
  const log = LogFile.openForReading(folder);
  try {
    let end = firstPosition;
    for (const commit of wholeCommits(log)) {
      for (const { event } of commit) yield `${JSON.stringify(dumped(event))}\n`;
      end = commit.at(-1)?.end ?? end;
    }
    refuseUnsound(log, end);
  } finally {
    log.close();
  }
}

function dumped(event: LoggedEvent): DumpedEvent {
  const content = event.content();
  return {
    position: event.position,
    stream: event.stream,
    ...(event.revision === tombstoneRevision ? {} : { revision: event.revision }),
    id: event.id,
    type: content.type,
    isJson: content.contentType === 'application/json',
    created: new Date(content.created).toISOString(),
    ...asText('data', content.data),
    ...asText('metadata', content.customMetadata),
  };
}

function asText(name: 'data' | 'metadata', bytes: Buffer): Partial<DumpedEvent> {
  if (bytes.length === 0) return {};
  try {
    return { [name]: fatalUtf8.decode(bytes) };
  } catch {
    return { [`${name}Base64`]: bytes.toString('base64') };
  }
}
