import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { LoggedEvent, recordEvent } from '../log/logged-event.ts';
import { groupMessage } from './group-message.ts';

describe('a message of a group', () => {
  it('does not keep the page of the log in memory that its event was read in', () => {
    const event = { id: randomUUID(), type: 'Happened', isJson: false, data: Buffer.alloc(100, 1), customMetadata: Buffer.alloc(0) };
    const { recorded } = recordEvent(event, 'A', 3, 64, 0);
    const page = Buffer.concat([recorded, Buffer.alloc(80_000)]);
    const read = LoggedEvent.read(64, page.subarray(0, recorded.length));
    const { record, resolved } = groupMessage({ event: read, link: undefined }, { sequence: 1, previous: undefined, replayed: false });
    expect(record.recorded.buffer.byteLength).toBe(recorded.length);
    expect([record.position, record.revision, record.id, record.recorded]).toEqual([64, 3, event.id, Buffer.from(recorded)]);
    expect(resolved.event).toBe(record);
  });
});
