import { event } from '../kernel/event.ts';
import { miaBooksOkafor, wednesdayAtFour } from './lesson-booking.examples.ts';
import * as chat from './lesson-chat.ts';

const { bookingId: lessonId, studentId, tutorId } = miaBooksOkafor;
const parties = { lessonId, studentId, tutorId };

export const chatOpened = event(chat.lessonChatOpened, {
  ...parties,
  opensAt: '2026-11-25T15:45:00.000Z',
  closesAt: '2026-11-26T17:00:00.000Z',
});
export const miaWrites = event(chat.realtimeMessageSent, {
  ...parties,
  messageId: chat.lessonMessageId(lessonId, studentId, 'm1'),
  clientMessageId: 'm1',
  senderId: studentId,
  text: 'Is that a minus?',
});
export const worksheet = {
  lessonId,
  fileId: '01939a00-0000-7000-8000-0000000000f1',
  uploadedBy: tutorId,
  name: 'fractions.pdf',
  contentType: 'application/pdf' as const,
  bytes: 12_345,
  key: `lesson-files/${lessonId}/shared-documents/01939a00-0000-7000-8000-0000000000f1`,
};
export const uploadRequested = event(chat.lessonFileUploadRequested, {
  ...worksheet,
  until: new Date(Date.parse(wednesdayAtFour.startsAt) + chat.UPLOAD_WITHIN).toISOString(),
});
export const fileShared = event(chat.lessonFileShared, { ...parties, ...worksheet });
export const fileRejected = (reason: 'not_uploaded' | 'wrong_size' | 'wrong_type') =>
  event(chat.lessonFileRejected, { lessonId, fileId: worksheet.fileId, uploadedBy: tutorId, key: worksheet.key, reason });
export const chatClosed = event(chat.lessonChatClosed, parties);
