import type { JSONEventData } from '@eventstore/db-client';
import { NotSerialisable } from './errors.ts';

const utf8 = new TextEncoder();

/**
 * An event as bytes, made once for all attempts: that also shows whether JSON can hold it, and how large it is.
 *
 * The client would make the JSON itself, turn it into base64 and back into bytes, which costs as much as all the rest of an append. It
 * takes bytes as they are for metadata and for the data of binary events. So it is told `application/json` when it notes the content type for
 * the store, and `application/octet-stream` when it chooses how to encode: it asks once for each, in this order (append.js and
 * batchAppend.js of the pinned version; a spec holds it).
 */
export class WireEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array | undefined;
  #asked = 0;

  /** Throws {@link NotSerialisable}. */
  constructor(event: JSONEventData) {
    this.id = event.id;
    this.type = event.type;
    this.data = bytesOf(event, event.data);
    this.metadata = event.metadata === undefined ? undefined : bytesOf(event, event.metadata);
  }

  get contentType(): 'application/json' | 'application/octet-stream' {
    return this.#asked++ % 2 === 0 ? 'application/json' : 'application/octet-stream';
  }

  /** Bytes that the store counts. */
  get size(): number {
    return 2 * this.type.length + this.data.length + (this.metadata?.length ?? 0);
  }
}

function bytesOf(event: JSONEventData, part: unknown): Uint8Array {
  try {
    return utf8.encode(JSON.stringify(part));
  } catch (error) {
    throw new NotSerialisable(event.type, error);
  }
}
