import type { Instant } from '#domain/kernel/time.ts';

/**
 * Where a frame stands in what a person was sent: commit position of its event, then its place among the frames of that position.
 * Written `position-index`; a bare `position` stands behind every frame of that position.
 */
export interface FrameId {
  readonly position: bigint;
  readonly index: number;
}

const LAST = 2_147_483_647;

/** The id that stands behind every frame of a position. */
export const endOf = (position: bigint): FrameId => ({ position, index: LAST });

export function formatFrameId({ position, index }: FrameId): string {
  return index === LAST ? String(position) : `${position}-${index}`;
}

/** Undefined when the text is no id. */
export function parseFrameId(text: string): FrameId | undefined {
  const [, position, index] = /^(\d{1,19})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  if (position === undefined) return undefined;
  return { position: BigInt(position), index: index === undefined ? LAST : Number(index) };
}

/** Whether `a` comes after `b`. */
export function isAfter(a: FrameId, b: FrameId): boolean {
  return a.position > b.position || (a.position === b.position && a.index > b.index);
}

/** A frame for one person, as it is stored. */
export interface StoredFrame {
  readonly recipient: string;
  readonly id: FrameId;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Instant;
}

/** The text of a frame on the wire. Frames without an id are of the moment: they are not stored and do not come again. */
export function frameText(id: FrameId | null, type: string, data: unknown, at: Instant): string {
  return JSON.stringify({ id: id === null ? null : formatFrameId(id), type, ts: at, data });
}
