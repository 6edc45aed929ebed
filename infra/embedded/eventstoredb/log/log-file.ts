import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { firstPosition, recordOverhead } from './event-log.ts';
import { LoggedEvent } from './logged-event.ts';

export const logFile = (folder: string): string => join(folder, 'events.log');

const magic = 'chalkstream events 2\n';
const idBytes = 16;
const headBytes = 8;
const lengthMask = 0x7fffffff;
const endsCommitFlag = 0x80000000;
/** How every event begins: field 1 with 38 bytes, which are field 2 with an id of 36. */
const eventBegins = Buffer.from([0x0a, 38, 0x12, 36]);
/** How much is read from the file at once: a page of ordinary events, and a scan. */
const chunkBytes = { page: 1 << 18, scan: 1 << 20 };
/** Zeros that are written behind the last commit before commits are written over them: a sync then has no new size of the file to record. */
const reserve = Buffer.alloc(1 << 20);
const syncInThread = promisify(fdatasync);
/** While a sync takes less than this on average, in milliseconds, it is waited for: handing the wait to a thread, and hearing of it in a busy loop, takes longer. */
const quickSyncMs = 2;
/** The average is over about so many syncs. */
const syncsInAverage = 8;

/** One event in the file, and whether a commit ends with it. */
export interface LogRecord {
  readonly event: LoggedEvent;
  readonly endsCommit: boolean;
  /** The position behind it. */
  readonly end: number;
}

/**
 * The log as a file that only ever grows: a header of 64 bytes, then a record for each event; its offset is the event's position. A record is
 * the length of the event with a flag for the last one of a commit (4 bytes, little endian), a checksum of that word and the event (4), the
 * event, and its length again (4), so that records can be walked both ways. Behind the last record of a log that is being written there are
 * zeros, which begin no record.
 */
export class LogFile {
  /** Tells this log from every other one. */
  readonly id: string;
  private readonly descriptor: number;
  private frame = Buffer.alloc(0);
  private broken = false;
  /** Up to here the file is commits and zeros. */
  private reservedTo = 0;
  private averageSyncMs = 0;

  private constructor(descriptor: number, id: string) {
    this.descriptor = descriptor;
    this.id = id;
  }

  /** Opens the log of a folder for writing; makes one when there is none. @throws Error when the file is not such a log */
  static open(folder: string): LogFile {
    const file = logFile(folder);
    refuseOtherLayout(folder);
    if (!existsSync(file)) create(folder);
    const descriptor = openSync(file, 'r+');
    // A first start that was killed half-way leaves less than a header, and nothing that anybody was told of.
    if (fstatSync(descriptor).size < firstPosition) writeSync(descriptor, newHeader(), 0, firstPosition, 0);
    return new LogFile(descriptor, readId(descriptor, file));
  }

  /** @throws Error when there is no log, or the file is not one */
  static openForReading(folder: string): LogFile {
    const file = logFile(folder);
    refuseOtherLayout(folder);
    if (!existsSync(file)) throw new Error(`There is no event log in ${folder}.`);
    const descriptor = openSync(file, 'r');
    return new LogFile(descriptor, readId(descriptor, file));
  }

  /** Bytes in the file. */
  get size(): number {
    return fstatSync(this.descriptor).size;
  }

  /**
   * Writes the events of one commit at the end of the log, which is the position of the first. When the disk refuses them nothing of them stays.
   * @throws Error of the file system
   */
  append(events: readonly LoggedEvent[]): void {
    if (this.broken) throw new Error('The log could not be mended after a failed write.');
    const start = events[0]?.position ?? 0;
    const bytes = this.framed(events);
    const end = start + bytes.length;
    try {
      this.write(bytes, start);
    } catch (error) {
      this.broken = true;
      ftruncateSync(this.descriptor, start);
      this.reservedTo = start;
      this.broken = false;
      throw error;
    }
    if (end > this.reservedTo) this.reserveFrom(end);
  }

  private reserveFrom(position: number): void {
    try {
      this.write(reserve, position);
      this.reservedTo = position + reserve.length;
    } catch {
      // The disk had room for the commit, and has none for zeros: then it does without them.
      this.reservedTo = position;
    }
  }

  /** Cuts off everything from a position on. */
  truncate(position: number): void {
    ftruncateSync(this.descriptor, position);
    fsyncSync(this.descriptor);
    this.reservedTo = position;
  }

  /** Resolves when everything that was appended before this call is on the disk. While the disk is quick, that is before it returns. */
  async sync(): Promise<void> {
    const begun = performance.now();
    if (this.averageSyncMs < quickSyncMs) fdatasyncSync(this.descriptor);
    else await syncInThread(this.descriptor);
    this.averageSyncMs += (performance.now() - begun - this.averageSyncMs) / syncsInAverage;
  }

  /** Whether nothing was written from a position on. */
  isBlankFrom(position: number): boolean {
    const zeros = reserve.subarray(0, chunkBytes.scan);
    for (let at = position; ;) {
      const chunk = this.bytes(at, zeros.length);
      if (!chunk.equals(zeros.subarray(0, chunk.length))) return false;
      if (chunk.length < zeros.length) return true;
      at += chunk.length;
    }
  }

  /** Whether a position is one that an event can be written at: where the first one goes, or behind a whole record. */
  isEndOfRecord(position: number): boolean {
    if (position === firstPosition) return true;
    const trailer = position >= firstPosition + recordOverhead ? this.bytes(position - 4, 4) : undefined;
    return trailer?.length === 4 && this.endOfRecordAt(position - trailer.readUInt32LE(0) - recordOverhead, position) === position;
  }

  /** The first whole record that begins behind a position, wherever that is; for a log that is damaged at the position. */
  nextRecordBehind(position: number): LogRecord | undefined {
    const { size } = this;
    for (let start = position + 1 + headBytes; start < size; start += chunkBytes.scan) {
      // A beginning that lies across two chunks is found in the first of them.
      const chunk = this.bytes(start, chunkBytes.scan + eventBegins.length - 1);
      for (let offset = chunk.indexOf(eventBegins); offset >= 0; offset = chunk.indexOf(eventBegins, offset + 1)) {
        const at = start + offset - headBytes;
        const end = this.endOfRecordAt(at, size);
        if (end !== undefined) return wholeRecord(this.bytes(at, end - at), 0, at);
      }
    }
    return undefined;
  }

  /** Writes everything from a position on into a new file. @throws Error when there is such a file */
  copyFrom(position: number, target: string): void {
    const copy = openSync(target, 'wx');
    try {
      for (let at = position; ;) {
        const chunk = this.bytes(at, chunkBytes.scan);
        if (chunk.length === 0) break;
        writeFileSync(copy, chunk);
        at += chunk.length;
      }
      fsyncSync(copy);
    } finally {
      closeSync(copy);
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }

  /** The event of a record whose place and length are known. */
  event(position: number, length: number): LoggedEvent {
    return LoggedEvent.read(position, this.bytes(position + headBytes, length));
  }

  /** The records from one on, each checked against its checksum; ends at the first one that is not whole. */
  *records(from: number, to: number): Generator<LogRecord> {
    let chunk = this.bytes(from, Math.min(chunkBytes.scan, to - from));
    let start = from;
    for (let at = from; at < to;) {
      const offset = at - start;
      const length = offset + headBytes <= chunk.length ? chunk.readUInt32LE(offset) & lengthMask : 0;
      const next = at + length + recordOverhead;
      if (next > to) return;
      if (next - start > chunk.length) {
        chunk = this.bytes(at, Math.min(Math.max(chunkBytes.scan, next - at), to - at));
        start = at;
        if (chunk.length < recordOverhead) return;
        if (offset > 0) continue;
      }
      const record = wholeRecord(chunk, at - start, at);
      if (!record) return;
      yield record;
      at = record.end;
    }
  }

  /** At least one event from a record on, and as many more as lie in one chunk before `end`; none when `from` is the end. */
  pageForwards(from: number, end: number, limit: number): LoggedEvent[] {
    const chunk = this.bytes(from, Math.min(chunkFor(limit), end - from));
    const events: LoggedEvent[] = [];
    for (let offset = 0; events.length < limit && offset + headBytes <= chunk.length;) {
      const length = chunk.readUInt32LE(offset) & lengthMask;
      const next = offset + length + recordOverhead;
      if (next > chunk.length) {
        if (events.length === 0) events.push(this.event(from, length));
        break;
      }
      events.push(LoggedEvent.read(from + offset, chunk.subarray(offset + headBytes, offset + headBytes + length)));
      offset = next;
    }
    return events;
  }

  /** The same backwards, from the record that ends at `before`. */
  pageBackwards(before: number, limit: number): LoggedEvent[] {
    const start = Math.max(firstPosition, before - chunkFor(limit));
    const chunk = this.bytes(start, before - start);
    const events: LoggedEvent[] = [];
    for (let offset = chunk.length; events.length < limit && offset >= 4;) {
      const length = chunk.readUInt32LE(offset - 4);
      const first = offset - length - recordOverhead;
      if (first < 0) {
        if (events.length === 0) events.push(this.event(start + first, length));
        break;
      }
      events.push(LoggedEvent.read(start + first, chunk.subarray(first + headBytes, first + headBytes + length)));
      offset = first;
    }
    return events;
  }

  /** The position behind the record that begins here; undefined when none does. */
  endOfRecordAt(position: number, end: number): number | undefined {
    if (position < firstPosition || position + recordOverhead > end) return undefined;
    const length = this.bytes(position, 4).readUInt32LE(0) & lengthMask;
    const next = position + length + recordOverhead;
    if (next > end || this.bytes(next - 4, 4).readUInt32LE(0) !== length) return undefined;
    return wholeRecord(this.bytes(position, next - position), 0, position)?.end;
  }

  private write(bytes: Buffer, position: number): void {
    for (let written = 0; written < bytes.length;) {
      written += writeSync(this.descriptor, bytes, written, bytes.length - written, position + written);
    }
  }

  private bytes(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(Math.max(length, 0));
    let read = 0;
    while (read < buffer.length) {
      const count = readSync(this.descriptor, buffer, read, buffer.length - read, position + read);
      if (count === 0) break;
      read += count;
    }
    return buffer.subarray(0, read);
  }

  private framed(events: readonly LoggedEvent[]): Buffer {
    const size = events.reduce((sum, { recorded }) => sum + recorded.length + recordOverhead, 0);
    if (this.frame.length < size || this.frame.length > Math.max(size, 1 << 20))
      this.frame = Buffer.allocUnsafeSlow(Math.max(size, 1 << 16));
    const { frame } = this;
    let at = 0;
    for (const [index, { recorded }] of events.entries()) {
      const word = index === events.length - 1 ? recorded.length + endsCommitFlag : recorded.length;
      frame.writeUInt32LE(word, at);
      frame.writeUInt32LE(crc32(recorded, word), at + 4);
      frame.set(recorded, at + headBytes);
      at = frame.writeUInt32LE(recorded.length, at + headBytes + recorded.length);
    }
    return frame.subarray(0, size);
  }
}

const chunkFor = (limit: number): number => Math.min(chunkBytes.page, limit * 4096);

function wholeRecord(bytes: Buffer, offset: number, position: number): LogRecord | undefined {
  const word = bytes.readUInt32LE(offset);
  const length = word & lengthMask;
  const recorded = bytes.subarray(offset + headBytes, offset + headBytes + length);
  const trailer = offset + headBytes + length;
  if (length === 0) return undefined;
  if (trailer + 4 > bytes.length || bytes.readUInt32LE(trailer) !== length) return undefined;
  if (crc32(recorded, word) !== bytes.readUInt32LE(offset + 4)) return undefined;
  return { event: LoggedEvent.read(position, recorded), endsCommit: word >= endsCommitFlag, end: position + length + recordOverhead };
}

function refuseOtherLayout(folder: string): void {
  if (existsSync(join(folder, 'events.sqlite')))
    throw new Error(`${folder} holds an event log of layout 1; this program reads layout 2. Dump it with the program that wrote it.`);
}

function newHeader(): Buffer {
  const header = Buffer.alloc(firstPosition);
  header.write(magic, 'latin1');
  randomBytes(idBytes).copy(header, firstPosition - idBytes);
  return header;
}

function create(folder: string): void {
  const descriptor = openSync(logFile(folder), 'w');
  writeSync(descriptor, newHeader());
  fsyncSync(descriptor);
  closeSync(descriptor);
  syncFolder(folder);
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readId(descriptor: number, file: string): string {
  const header = Buffer.alloc(firstPosition);
  readSync(descriptor, header, 0, header.length, 0);
  if (header.toString('latin1', 0, magic.length) !== magic) throw new Error(`${file} is not an event log of this program.`);
  return header.toString('hex', firstPosition - idBytes);
}
