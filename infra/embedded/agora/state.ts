import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../http/database.ts';
import type { Json, JsonObject } from '../http/json.ts';
import type { WebhookQueue } from '../http/webhook-queue.ts';

/** Where a recording is put. */
export interface Storage {
  bucket: string;
  accessKey: string;
  secretKey: string;
  fileNamePrefix: string[];
}

/** A recording that has been started. */
export interface Recording {
  sid: string;
  resourceId: string;
  channel: string;
  uid: string;
  storage: Storage;
  startedAt: number;
  stopped: boolean;
}

const schema = `
  CREATE TABLE IF NOT EXISTS resources (id TEXT PRIMARY KEY, channel TEXT NOT NULL, uid TEXT NOT NULL, expires INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS recordings (sid TEXT PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS presence (channel TEXT NOT NULL, uid INTEGER NOT NULL, joined INTEGER NOT NULL, PRIMARY KEY (channel, uid));
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS kicking_rules (id INTEGER PRIMARY KEY, body TEXT NOT NULL);`;

/** The numbers of the products and of their events in notifications. */
export const PRODUCT = { rtc: 1, recording: 3 } as const;
export const EVENT = {
  broadcasterJoins: 103,
  broadcasterLeaves: 104,
  memberJoins: 107,
  memberLeaves: 108,
  uploaded: 31,
  recorderLeaves: 41,
} as const;

/** Rooms, recordings and notices, durable. */
export class AgoraState {
  readonly database: DatabaseSync;

  constructor(dir: string) {
    this.database = openDatabase(join(dir, 'agora.sqlite'), schema);
  }

  /** A number that grows with each call, over restarts too. */
  next(counter: string): number {
    const row = this.database
      .prepare('INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value')
      .get(counter);
    return Number(row?.['value']);
  }

  addResource(channel: string, uid: string, expires: number): string {
    const id = randomUUID().replaceAll('-', '').repeat(4);
    this.database.prepare('INSERT INTO resources (id, channel, uid, expires) VALUES (?, ?, ?, ?)').run(id, channel, uid, expires);
    return id;
  }

  /** Whether the resource was acquired for that channel and uid and has not run out. */
  holdsResource(id: string, channel: string, uid: string): boolean {
    const row = this.database.prepare('SELECT expires FROM resources WHERE id = ? AND channel = ? AND uid = ?').get(id, channel, uid);
    return row !== undefined && (row['expires'] as number) > Date.now();
  }

  saveRecording(recording: Recording): void {
    this.database.prepare('INSERT OR REPLACE INTO recordings (sid, body) VALUES (?, ?)').run(recording.sid, JSON.stringify(recording));
  }

  recording(sid: string): Recording | undefined {
    const row = this.database.prepare('SELECT body FROM recordings WHERE sid = ?').get(sid);
    return row && (JSON.parse(row['body'] as string) as Recording);
  }

  recordings(): Recording[] {
    return this.database
      .prepare('SELECT body FROM recordings')
      .all()
      .map((row) => JSON.parse(row['body'] as string) as Recording);
  }

  /** Since when somebody is in a room, in seconds; undefined when they are not. */
  joinedAt(channel: string, uid: number): number | undefined {
    return this.database.prepare('SELECT joined FROM presence WHERE channel = ? AND uid = ?').get(channel, uid)?.['joined'] as
      number | undefined;
  }

  present(channel: string): number[] {
    return this.database
      .prepare('SELECT uid FROM presence WHERE channel = ? ORDER BY joined')
      .all(channel)
      .map((row) => row['uid'] as number);
  }

  enter(channel: string, uid: number, seconds: number): void {
    this.database.prepare('INSERT OR REPLACE INTO presence (channel, uid, joined) VALUES (?, ?, ?)').run(channel, uid, seconds);
  }

  leave(channel: string, uid: number): void {
    this.database.prepare('DELETE FROM presence WHERE channel = ? AND uid = ?').run(channel, uid);
  }

  addKickingRule(rule: JsonObject): number {
    return Number(this.database.prepare('INSERT INTO kicking_rules (body) VALUES (?)').run(JSON.stringify(rule)).lastInsertRowid);
  }

  kickingRules(): Json[] {
    return this.database
      .prepare('SELECT id, body FROM kicking_rules')
      .all()
      .map((row) => ({ id: row['id'] as number, ...(JSON.parse(row['body'] as string) as JsonObject) }));
  }

  removeKickingRule(id: number): void {
    this.database.prepare('DELETE FROM kicking_rules WHERE id = ?').run(id);
  }
}

/** Queues a notification in Agora's envelope. */
export function notify(queue: WebhookQueue, productId: number, eventType: number, payload: JsonObject): void {
  queue.add(JSON.stringify({ noticeId: randomUUID(), productId, eventType, notifyMs: Date.now(), payload }));
}
