import { ProtoWriter } from './proto-writer.ts';

/** The bytes are not the protobuf message that they should be. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

type Kind = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'uint64' | 'message';

interface Field<T> {
  readonly number: number;
  readonly kind: Kind;
  readonly repeated: boolean;
  readonly message?: Message<unknown>;
  /** Only for the compiler. */
  readonly type?: T;
}

type Shape = Record<string, Field<unknown>>;
type Decoded<S extends Shape> = { [K in keyof S]?: S[K] extends Field<infer T> ? T | undefined : never };

/** A protobuf message type: absent fields are `undefined`, so a oneof is a set of optional fields. */
export interface Message<T> {
  /** @throws MalformedMessage */
  decode(bytes: Buffer): T;
  encode(value: T): Buffer;
  write(writer: ProtoWriter, value: T): void;
}
export type MessageOf<M> = M extends Message<infer T> ? T : never;

const scalar =
  <T>(kind: Kind) =>
  (number: number): Field<T> => ({ number, kind, repeated: false });
export const string = scalar<string>('string');
export const bytes = scalar<Buffer>('bytes');
export const bool = scalar<boolean>('bool');
export const int32 = scalar<number>('int32');
export const int64 = scalar<bigint>('int64');
export const uint64 = scalar<bigint>('uint64');
export const nested = <T>(number: number, message: Message<T>): Field<T> => ({ number, kind: 'message', repeated: false, message });
export const repeated = <T>(field: Field<T>): Field<T[]> => ({ ...field, repeated: true }) as Field<T[]>;

/** Encoding is synchronous and never nested, so one buffer serves all. */
const encoder = new ProtoWriter();

const fatalUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws MalformedMessage when the bytes are not UTF-8 */
export function utf8(value: Buffer): string {
  try {
    return fatalUtf8.decode(value);
  } catch {
    throw new MalformedMessage('A text field is not valid UTF-8.');
  }
}

/** Declares a message type by its fields; unknown fields are skipped, as protobuf demands. */
export function message<S extends Shape>(shape: S): Message<Decoded<S>> {
  const fields = Object.entries<Field<unknown>>(shape);
  const byNumber = new Map(fields.map((named) => [named[1].number, named]));
  const self: Message<Decoded<S>> = {
    decode(input) {
      const result: Record<string, unknown> = {};
      const cursor = new Cursor(input);
      while (!cursor.atEnd()) {
        const tag = cursor.smallVarint();
        const known = byNumber.get(tag >>> 3);
        if (!known) {
          cursor.skip(tag & 7);
          continue;
        }
        const [name, field] = known;
        const value = cursor.value(field, tag & 7);
        if (!field.repeated) result[name] = value;
        else if (Array.isArray(result[name])) result[name].push(value);
        else result[name] = [value];
      }
      return result as Decoded<S>;
    },
    encode(value) {
      self.write(encoder.reset(), value);
      return encoder.finish();
    },
    write(writer, value) {
      for (const [name, field] of fields) {
        const content: unknown = value[name];
        if (content === undefined) continue;
        if (field.repeated) for (const item of content as unknown[]) writeField(writer, field, item);
        else writeField(writer, field, content);
      }
    },
  };
  return self;
}

function writeField(writer: ProtoWriter, field: Field<unknown>, value: unknown): void {
  if (field.kind === 'string') writer.string(field.number, value as string);
  else if (field.kind === 'bytes') writer.bytes(field.number, value as Buffer);
  else if (field.kind === 'bool') writer.integer(field.number, value ? 1 : 0);
  else if (field.kind === 'message') writer.nested(field.number, () => field.message?.write(writer, value));
  else writer.integer(field.number, value as number | bigint);
}

class Cursor {
  private at = 0;
  private readonly input: Buffer;

  constructor(input: Buffer) {
    this.input = input;
  }

  atEnd(): boolean {
    return this.at >= this.input.length;
  }

  value(field: Field<unknown>, wireType: number): unknown {
    const lengthDelimited = field.kind === 'string' || field.kind === 'bytes' || field.kind === 'message';
    if (wireType !== (lengthDelimited ? 2 : 0)) throw new MalformedMessage(`Field ${field.number} has the wrong wire type ${wireType}.`);
    if (lengthDelimited) {
      const content = this.take(this.smallVarint());
      if (field.kind === 'bytes') return content;
      return field.kind === 'string' ? utf8(content) : field.message?.decode(content);
    }
    const raw = this.varint();
    if (field.kind === 'bool') return raw !== 0n;
    if (field.kind === 'int32') return Number(BigInt.asIntN(32, raw));
    return field.kind === 'int64' ? BigInt.asIntN(64, raw) : BigInt.asUintN(64, raw);
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.take(8);
    else if (wireType === 2) this.take(this.smallVarint());
    else if (wireType === 5) this.take(4);
    else throw new MalformedMessage(`Wire type ${wireType} is not supported.`);
  }

  /** Tags and lengths: at most 32 bits. */
  smallVarint(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.input[this.at++];
      if (byte === undefined) throw new MalformedMessage('The message ends in the middle of a number.');
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
    throw new MalformedMessage('A tag or length is longer than 32 bits.');
  }

  private varint(): bigint {
    let small = 0;
    let big = 0n;
    for (let index = 0; index < 10; index += 1) {
      const byte = this.input[this.at++];
      if (byte === undefined) throw new MalformedMessage('The message ends in the middle of a number.');
      if (index < 4) small += (byte & 0x7f) * 2 ** (7 * index);
      else big |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return big | BigInt(small);
    }
    throw new MalformedMessage('A number is longer than 64 bits.');
  }

  private take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.input.length) throw new MalformedMessage('The message ends in the middle of a field.');
    const content = this.input.subarray(this.at, end);
    this.at = end;
    return content;
  }
}
