import { describe, it } from '@jest/globals';
import { SYSTEM, type Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { plus } from '../kernel/time.ts';
import { mia, miaBooksOkafor, okafor, stranger, wednesdayAtFour } from './lesson-booking.examples.ts';
import { chatClosed, chatOpened, fileRejected, fileShared, miaWrites, uploadRequested, worksheet } from './lesson-chat.examples.ts';
import * as chat from './lesson-chat.ts';

const { lessonChat } = chat;
const { bookingId: lessonId, studentId, tutorId } = miaBooksOkafor;
const { startsAt } = wednesdayAtFour;
const { opensAt, closesAt } = chatOpened.data;
type Past = readonly chat.LessonChatEvent[];

describe('Opening the chat of a lesson', () => {
  const opening = (...past: Past) =>
    given(lessonChat, ...past).when(chat.openLessonChat, { lessonId, studentId, tutorId, ...wednesdayAtFour });

  it('sets its hours around the lesson', () => opening().then(chatOpened));
  it('is nothing new the second time', () => opening(chatOpened).alreadySo());
  it('does not open it again', () => opening(chatOpened, chatClosed).alreadySo());
});

describe('Writing', () => {
  const writing = (past: Past, by: Actor = mia, at = startsAt, clientMessageId = 'm1') =>
    given(lessonChat, ...past).when(chat.postLessonMessage, { lessonId, clientMessageId, text: ' Is that a minus? ' }, { by, at });

  it('sends a message', () => writing([chatOpened]).then(miaWrites));
  it('is nothing new when the client sends it again, even late', () =>
    writing([chatOpened, miaWrites, chatClosed], mia, closesAt).alreadySo());
  it("does not mistake the other's number for one's own", () =>
    writing([chatOpened, miaWrites], okafor).then(
      event(chat.realtimeMessageSent, {
        ...miaWrites.data,
        senderId: tutorId,
        messageId: chat.lessonMessageId(lessonId, tutorId, 'm1'),
      }),
    ));
  it('is possible from a quarter of an hour before', () => writing([chatOpened], mia, opensAt).then(miaWrites));
  it('is refused earlier', () => writing([chatOpened], mia, plus(opensAt, -1)).refused(chat.LessonChatNotOpen, { opensAt }));
  it('is refused a day after', () => writing([chatOpened], mia, closesAt).refused(chat.LessonChatIsClosed));
  it('is refused once closed', () => writing([chatOpened, chatClosed]).refused(chat.LessonChatIsClosed));
  it('is refused to strangers', () => writing([chatOpened], stranger).refused(chat.NotInThisLesson));
  it('is refused to the platform', () => writing([chatOpened], SYSTEM).refused(chat.NotInThisLesson));
  it('needs a chat', () => writing([]).refused(chat.LessonChatNotFound));
});

describe('Asking to upload a file', () => {
  const { fileId, name, contentType, bytes } = worksheet;
  const asking = (past: Past, by: Actor = okafor, change: object = {}) =>
    given(lessonChat, ...past).when(
      chat.requestLessonFileUpload,
      { lessonId, fileId, name, contentType, bytes, ...change },
      { by, at: startsAt },
    );

  it('names its place in storage, for a quarter of an hour', () => asking([chatOpened]).then(uploadRequested));
  it('is nothing new the second time', () => asking([chatOpened, uploadRequested]).alreadySo());
  it('is refused with the id of another file', () =>
    asking([chatOpened, uploadRequested], okafor, { bytes: 1 }).refused(chat.LessonFileIdTaken));
  it('is refused with the id of a file of the other side', () =>
    asking([chatOpened, uploadRequested], mia).refused(chat.LessonFileIdTaken));
  it('is refused to strangers', () => asking([chatOpened], stranger).refused(chat.NotInThisLesson));
  it('is refused once closed', () => asking([chatOpened, chatClosed]).refused(chat.LessonChatIsClosed));
  it('is refused beyond fifty files', () => {
    const others = Array.from({ length: 50 }, (_, n) =>
      event(chat.lessonFileUploadRequested, {
        ...uploadRequested.data,
        fileId: `01939a00-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`,
      }),
    );
    asking([chatOpened, ...others]).refused(chat.TooManyLessonFiles, { most: 50 });
  });
});

describe('Confirming a file', () => {
  const asAnnounced = { contentType: 'application/pdf', bytes: 12_345 };
  const confirming = (past: Past, found: { contentType: string; bytes: number } | null = asAnnounced, by: Actor = okafor, at = startsAt) =>
    given(lessonChat, ...past).when(chat.confirmLessonFile, { lessonId, fileId: worksheet.fileId, found }, { by, at });
  const asked: Past = [chatOpened, uploadRequested];

  it('shares what arrived as announced', () => confirming(asked).then(fileShared));
  it('turns down another size', () => confirming(asked, { ...asAnnounced, bytes: 1 }).then(fileRejected('wrong_size')));
  it('turns down another type', () => confirming(asked, { ...asAnnounced, contentType: 'text/html' }).then(fileRejected('wrong_type')));
  it('waits while the upload may still come', () =>
    confirming(asked, null).refused(chat.UploadNotFinished, { until: uploadRequested.data.until }));
  it('gives up when the time is over', () =>
    confirming(asked, null, SYSTEM, uploadRequested.data.until).then(fileRejected('not_uploaded')));
  it('is nothing new the second time', () => confirming([...asked, fileShared], null).alreadySo());
  it('is refused to the other side', () => confirming(asked, asAnnounced, mia).refused(chat.NotInThisLesson));
  it('is refused to strangers', () => confirming(asked, asAnnounced, stranger).refused(chat.NotInThisLesson));
  it('needs an announced file', () => confirming([chatOpened]).refused(chat.LessonFileNotFound));
});

describe('Closing the chat', () => {
  const closing = (at: string, ...past: Past) => given(lessonChat, ...past).when(chat.closeLessonChat, { lessonId }, { at });

  it('happens a day after the lesson', () => closing(closesAt, chatOpened).then(chatClosed));
  it('is refused before', () => closing(plus(closesAt, -1), chatOpened).refused(chat.LessonChatStillOpen, { closesAt }));
  it('is nothing new the second time', () => closing(closesAt, chatOpened, chatClosed).alreadySo());
});
