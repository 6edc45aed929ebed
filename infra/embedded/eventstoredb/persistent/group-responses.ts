import type { LoggedEvent } from '../log/logged-event.ts';
import { ProtoWriter } from '../wire/proto-writer.ts';
import type { UuidFormat } from '../wire/read-responses.ts';
import { recordedBytes } from '../wire/read-responses.ts';
import type { GroupMessage } from './group-message.ts';

const writer = new ProtoWriter();

/** `ReadResp.event` of a group. Here event and link both carry the position of the record that was read. */
export function groupEventResponse({ resolved, record, retryCount }: GroupMessage, uuids: UuidFormat): Buffer {
  writer.reset();
  writer.nested(1, () => {
    if (resolved.event) writer.bytes(1, atPosition(resolved.event, record.position, uuids));
    if (resolved.link) writer.bytes(2, atPosition(resolved.link, record.position, uuids));
    writer.integer(3, record.position);
    writer.integer(5, retryCount);
  });
  return writer.finish();
}

/** Of a field that comes twice the last one counts, so the other position goes behind the stored bytes. */
function atPosition(event: LoggedEvent, position: number, uuids: UuidFormat): Buffer {
  const stored = recordedBytes(event, uuids);
  if (event.position === position) return stored;
  return Buffer.concat([stored, new ProtoWriter().integer(4, position).integer(5, position).finish()]);
}
