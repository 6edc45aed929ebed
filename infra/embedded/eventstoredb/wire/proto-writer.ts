/** Writes protobuf fields into one growing buffer. Nested messages are written in place: no size is computed beforehand. */
export class ProtoWriter {
  private buffer = Buffer.allocUnsafeSlow(4096);
  private length = 0;

  /** Forgets what was written; the memory is kept, unless one huge message blew it up. */
  reset(): this {
    if (this.buffer.length > 1 << 20) this.buffer = Buffer.allocUnsafeSlow(4096);
    this.length = 0;
    return this;
  }

  /** A copy of what was written since the last reset. */
  finish(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
  }

  /** A varint field; negative numbers are written as 64-bit two's complement, like int32 and int64. */
  integer(field: number, value: number | bigint): this {
    this.varint(field << 3);
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.varint(Number(value));
    else this.bigVarint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint((field << 3) | 2);
    this.varint(value.length);
    this.reserve(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
    return this;
  }

  string(field: number, value: string): this {
    return this.nested(field, () => {
      this.reserve(value.length * 3);
      this.length += this.buffer.write(value, this.length, 'utf8');
    });
  }

  nested(field: number, content: () => void): this {
    this.varint((field << 3) | 2);
    this.reserve(1);
    const start = ++this.length;
    content();
    const size = this.length - start;
    if (size < 0x80) {
      this.buffer[start - 1] = size;
      return this;
    }
    const extra = varintLength(size) - 1;
    this.reserve(extra);
    this.buffer.copyWithin(start + extra, start, this.length);
    this.length = start - 1;
    this.varint(size);
    this.length += size;
    return this;
  }

  private varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest > 0x7f) {
      this.buffer[this.length++] = (rest % 0x80) | 0x80;
      rest = rest > 0xfffffff ? Math.floor(rest / 0x80) : rest >>> 7;
    }
    this.buffer[this.length++] = rest;
  }

  private bigVarint(value: bigint): void {
    this.reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.length++] = Number(rest);
  }

  private reserve(size: number): void {
    if (this.length + size <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + size));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}

/** How many bytes the varint of a non-negative integer takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}

/** Writes the varint of a non-negative safe integer at an offset; returns the offset behind it. */
export function putVarint(target: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7f) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = rest > 0xfffffff ? Math.floor(rest / 0x80) : rest >>> 7;
  }
  target[at++] = rest;
  return at;
}
