import { createHmac } from 'node:crypto';
import { inflateSync } from 'node:zlib';

/** What an RTC token of version 007 says. */
export interface RtcToken {
  appId: string;
  channel: string;
  /** As text; empty means any user. */
  uid: string;
  /** Seconds since 1970. */
  expires: number;
}

const VERSION = '007';
const RTC = 1;

class Reader {
  private offset = 0;
  constructor(readonly buffer: Buffer) {}

  uint16(): number {
    this.offset += 2;
    return this.buffer.readUInt16LE(this.offset - 2);
  }

  uint32(): number {
    this.offset += 4;
    return this.buffer.readUInt32LE(this.offset - 4);
  }

  bytes(): Buffer {
    const length = this.uint16();
    this.offset += length;
    return this.buffer.subarray(this.offset - length, this.offset);
  }

  rest(): Buffer {
    return this.buffer.subarray(this.offset);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const hmac = (key: Buffer, data: Buffer | string): Buffer => createHmac('sha256', key).update(data).digest();

function parse(token: string, certificate: string): RtcToken | undefined {
  const outer = new Reader(inflateSync(Buffer.from(token.slice(VERSION.length), 'base64')));
  const signature = outer.bytes();
  const signed = outer.rest();
  const reader = new Reader(signed);
  const appId = reader.bytes().toString('utf8');
  const issued = reader.uint32();
  const lifetime = reader.uint32();
  const salt = reader.uint32();
  const services = reader.uint16();
  const key = hmac(uint32(salt), hmac(uint32(issued), certificate));
  // Services are packed in the order of their numbers, and that of RTC is the lowest.
  if (!hmac(key, signed).equals(signature) || services === 0 || reader.uint16() !== RTC) return undefined;
  for (let left = reader.uint16(); left > 0; left--) {
    reader.uint16();
    reader.uint32();
  }
  return { appId, channel: reader.bytes().toString('utf8'), uid: reader.bytes().toString('utf8'), expires: issued + lifetime };
}

/** Reads an RTC token and checks its signature; undefined when it is malformed, forged, or for another service. */
export function readRtcToken(token: string, certificate: string): RtcToken | undefined {
  if (!token.startsWith(VERSION)) return undefined;
  try {
    return parse(token, certificate);
  } catch {
    // Not a token: the data neither inflates nor has the lengths that it claims.
    return undefined;
  }
}
