/** What the server heeds of a stream's metadata. */
export interface StreamMetadata {
  readonly maxCount?: number;
  /** Seconds. */
  readonly maxAge?: number;
  readonly truncateBefore?: number;
  /** Soft-deleted: truncated before every number that there can be. */
  readonly deleted: boolean;
}

export const metadataType = '$metadata';
export const metastreamOf = (stream: string): string => `$$${stream}`;
export const isMetastream = (stream: string): boolean => stream.startsWith('$$');
export const originalOf = (metastream: string): string => metastream.slice(2);

export const noMetadata: StreamMetadata = { deleted: false };
/** A metastream keeps its last event only. */
export const metadataOfMetastreams: StreamMetadata = { maxCount: 1, deleted: false };

/** 2^63-1 does not survive JSON.parse; whatever comes near it means "deleted". */
const deletedFrom = 2 ** 63;
export const softDeleteMetadata = Buffer.from('{"$tb":9223372036854775807}');

/** Metadata that does not parse, or has a value of a wrong type, counts as none at all. */
export function parseStreamMetadata(data: Buffer): StreamMetadata {
  const json = parseObject(data);
  if (!json) return noMetadata;
  const maxCount = json['$maxCount'];
  const maxAge = json['$maxAge'];
  const truncateBefore = json['$tb'];
  const valid = isAbsentOrInteger(maxCount, 1) && isAbsentOrInteger(maxAge, 1) && isAbsentOrInteger(truncateBefore, 0);
  if (!valid || !isAbsent(json['$cacheControl'], 'number') || !isAbsent(json['$acl'], 'object')) return noMetadata;
  return {
    ...(typeof maxCount === 'number' ? { maxCount } : {}),
    ...(typeof maxAge === 'number' ? { maxAge } : {}),
    ...(typeof truncateBefore === 'number' ? { truncateBefore } : {}),
    deleted: typeof truncateBefore === 'number' && truncateBefore >= deletedFrom,
  };
}

/** The same metadata with another truncate-before; big numbers of others keep every digit. */
export function withTruncateBefore(data: Buffer | undefined, truncateBefore: number): Buffer {
  const json = (data && parseObject(data, keepDigits)) ?? {};
  return Buffer.from(JSON.stringify({ ...json, $tb: truncateBefore }));
}

interface ReviverContext {
  readonly source?: string;
}
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

function keepDigits(_key: string, value: unknown, context: ReviverContext): unknown {
  const isTooBig = typeof value === 'number' && !Number.isSafeInteger(value) && context.source && /^-?\d+$/.test(context.source);
  return isTooBig ? rawJson(context.source) : value;
}

function parseObject(data: Buffer, revive?: typeof keepDigits): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(data.toString('utf8'), revive as (key: string, value: unknown) => unknown);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isAbsentOrInteger(value: unknown, least: number): boolean {
  return value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= least);
}

function isAbsent(value: unknown, otherwise: 'number' | 'object'): boolean {
  return value === undefined || (typeof value === otherwise && value !== null);
}
