import type { Notices } from '#domain/kernel/consumer.ts';
import { lessonNotices } from './lessons/lesson-notices.ts';
import { connectionNotices } from './matching/connection-notices.ts';

/** Every map from events to websocket frames. */
export const notices: readonly Notices[] = [connectionNotices, lessonNotices];
