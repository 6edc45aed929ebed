import type { Notices } from '#domain/kernel/consumer.ts';

/** Every map from events to websocket frames. */
export const notices: readonly Notices[] = [];
