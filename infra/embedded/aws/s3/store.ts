import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { openDatabase } from '../../http/database.ts';
import { noSuchBucket, noSuchKey } from './errors.ts';

/** What is known of an object without reading it. */
export interface ObjectEntry {
  key: string;
  /** Length in bytes. */
  size: number;
  /** In quotes, as HTTP wants it. */
  etag: string;
  /** CRC-32 of the content, base64. */
  crc32: string;
  /** Headers that are given back with the object: its type and `x-amz-meta-…`. */
  headers: Record<string, string>;
  /** Milliseconds since 1970. */
  modified: number;
  file: string;
}

const schema = `
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, crc32 TEXT NOT NULL, headers TEXT NOT NULL,
    modified INTEGER NOT NULL, file TEXT NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;`;

/** CRC-32 in the form that S3 uses. */
export function checksum(content: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(content));
  return bytes.toString('base64');
}

function toEntry(row: Record<string, unknown>): ObjectEntry {
  return { ...(row as unknown as ObjectEntry), headers: JSON.parse(String(row['headers'])) as Record<string, string> };
}

/** Buckets and objects: contents in files, everything else in a database. A new content is on disk before its entry points to it. */
export class ObjectStore {
  private readonly database: DatabaseSync;
  private readonly files: string;

  constructor(dir: string) {
    this.database = openDatabase(join(dir, 's3.sqlite'), schema);
    this.files = join(dir, 'objects');
    mkdirSync(this.files, { recursive: true });
  }

  createBucket(name: string): void {
    this.database.prepare('INSERT OR IGNORE INTO buckets (name, created) VALUES (?, ?)').run(name, Date.now());
  }

  requireBucket(name: string): void {
    if (!this.database.prepare('SELECT 1 FROM buckets WHERE name = ?').get(name)) throw noSuchBucket();
  }

  find(bucket: string, key: string): ObjectEntry | undefined {
    const row = this.database.prepare('SELECT * FROM objects WHERE bucket = ? AND key = ?').get(bucket, key);
    return row && toEntry(row);
  }

  get(bucket: string, key: string): ObjectEntry {
    this.requireBucket(bucket);
    const entry = this.find(bucket, key);
    if (!entry) throw noSuchKey();
    return entry;
  }

  read(entry: ObjectEntry): Promise<Buffer> {
    return readFile(join(this.files, entry.file));
  }

  async put(bucket: string, key: string, content: Buffer, headers: Record<string, string>): Promise<ObjectEntry> {
    this.requireBucket(bucket);
    const file = randomUUID();
    const handle = await open(join(this.files, file), 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    const entry: ObjectEntry = { key, size: content.length, etag, crc32: checksum(content), headers, modified: Date.now(), file };
    const replaced = this.find(bucket, key);
    this.database
      .prepare('INSERT OR REPLACE INTO objects (bucket, key, size, etag, crc32, headers, modified, file) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(bucket, key, entry.size, etag, entry.crc32, JSON.stringify(headers), entry.modified, file);
    if (replaced) rmSync(join(this.files, replaced.file), { force: true });
    return entry;
  }

  remove(bucket: string, key: string): void {
    this.requireBucket(bucket);
    const entry = this.find(bucket, key);
    if (!entry) return;
    this.database.prepare('DELETE FROM objects WHERE bucket = ? AND key = ?').run(bucket, key);
    rmSync(join(this.files, entry.file), { force: true });
  }

  /** The entries after a key, in the order of their keys, that begin with a prefix. */
  list(bucket: string, prefix: string, after: string): ObjectEntry[] {
    this.requireBucket(bucket);
    const rows = this.database.prepare('SELECT * FROM objects WHERE bucket = ? AND key > ? AND substr(key, 1, ?) = ? ORDER BY key');
    return rows.all(bucket, after, prefix.length, prefix).map(toEntry);
  }

  close(): void {
    this.database.close();
  }
}
