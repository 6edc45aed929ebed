import { v7 as newId } from 'uuid';
import { pairId } from '#domain/kernel/ids.ts';

/** One event of a story: its type, and the fields that tie it to the others. The rest is made up. */
export type Step = readonly [type: string, fields: Readonly<Record<string, unknown>>];

const chance = (share: number): boolean => Math.random() < share;
const between = (least: number, most: number): number => least + Math.floor(Math.random() * (most - least + 1));
const some = <T>(list: readonly T[]): T => list[between(0, list.length - 1)]!;
/** One of the last few: those who came lately do most. */
const oneOfLast = <T>(list: readonly T[], count: number): T => list[between(Math.max(0, list.length - count), list.length - 1)]!;
const sha256Like = (id: string): string => id.replaceAll('-', '').repeat(2);
const words = (): string =>
  'Shall we go through the second derivative once more on Thursday? '.repeat(between(1, 3)).slice(0, between(8, 160));

interface Pair {
  readonly studentId: string;
  readonly tutorId: string;
  readonly channelId: string;
}

/** Everybody who is there by now, and what may happen next. */
export class Town {
  readonly #students: string[] = [];
  readonly #tutors: string[] = [];
  readonly #pairs: Pair[] = [];

  /** What begins now. By number of events, most are of lessons and their payments, then chats, new people, mails and searches. */
  nextStory(): Step[] {
    if (this.#tutors.length === 0 || chance(0.015)) return this.#tutor();
    if (this.#students.length === 0 || chance(0.08)) return this.#student();
    if (this.#pairs.length === 0 || chance(0.09)) return this.#connection();
    if (chance(0.12)) return this.#search();
    if (chance(0.3)) return this.#chat();
    return this.#lesson();
  }

  #account(userId: string, role: string): Step[] {
    const emailHash = sha256Like(userId);
    return [
      ['EmailReserved', { emailHash, userId }],
      ['AccountCreated', { userId, emailHash, role }],
      ['EmailVerificationRequested', { userId }],
      ...mail(userId),
      ['EmailVerificationSent', { userId }],
      ['AccountActivated', { userId }],
    ];
  }

  #student(): Step[] {
    const studentId = newId();
    this.#students.push(studentId);
    const minor: Step[] = [
      ['MinorStatusDetected', { studentId }],
      ['ParentConsentRequired', { studentId }],
      ['ParentConsentRequested', { studentId, round: 1 }],
      ...mail(studentId),
      ['ParentConsentGranted', { studentId, round: 1 }],
    ];
    return [
      ...this.#account(studentId, 'student'),
      ['StudentProfileCreated', { studentId }],
      ...(chance(0.6) ? minor : []),
      ['StudentReadyForPlatform', { studentId }],
      ['PayerCustomerCreated', { payerId: studentId }],
      ...(chance(0.3) ? [['StudentProfileUpdated', { studentId }] as const] : []),
    ];
  }

  #tutor(): Step[] {
    const tutorId = newId();
    const review = { reviewId: newId(), tutorId };
    this.#tutors.push(tutorId);
    const degrees = [newId(), newId()].map((qualificationId) => ({
      qualificationId,
      kind: 'degree',
      title: 'Physics',
      institution: 'Here',
    }));
    return [
      ...this.#account(tutorId, 'tutor'),
      ['TutorProfileCreated', { tutorId }],
      ['TutorProfileUpdated', { tutorId }],
      ['QualificationsAdded', { tutorId, qualifications: degrees }],
      ['ReviewRequested', { tutorId, round: 1 }],
      ['AddedToAdminReviewQueue', { ...review, round: 1 }],
      ['PortfolioFrozen', review],
      ['AdminReviewStarted', review],
      ['QualificationsAssessed', review],
      ...degrees.map(({ qualificationId }) => ['QualificationStatusChanged', { ...review, qualificationId }] as const),
      ['ReviewClosed', { ...review, round: 1 }],
      ['PortfolioUnfrozen', review],
      ['TutorApproved', { tutorId, round: 1 }],
      ['TutorAvailableForMatching', { tutorId }],
      ['AvailabilityRulesSet', { tutorId }],
      ['AvailabilityExceptionAdded', { tutorId }],
      ['PayoutOnboardingStarted', { tutorId }],
      ['PayoutAccountCreated', { tutorId }],
      ['PayoutAccountActivated', { tutorId }],
    ];
  }

  #search(): Step[] {
    const searchId = newId();
    return [
      ['SmartSearchExecuted', { searchId, searcherId: some(this.#students) }],
      ['TutorsRankedByAlgorithm', { searchId }],
      ['SearchResultsGenerated', { searchId }],
    ];
  }

  #connection(): Step[] {
    const [studentId, tutorId, connectionRequestId] = [oneOfLast(this.#students, 1_000), some(this.#tutors), newId()];
    const request = { connectionRequestId, studentId, tutorId };
    const asked: Step[] = [
      ['ConnectionPlaceTaken', { studentId, connectionRequestId }],
      ['ConnectionGuardClaimed', { pairId: pairId(studentId, tutorId), connectionRequestId }],
      ['ConnectionRequestSent', request],
      ['TutorNotified', request],
      ...mail(tutorId),
      ['ConnectionRequestViewed', request],
    ];
    if (chance(0.25)) return [...asked, ['ConnectionRejected', request], ['ConnectionPlaceFreed', { studentId, connectionRequestId }]];
    const [matchId, channelId] = [pairId(studentId, tutorId), newId()];
    this.#pairs.push({ studentId, tutorId, channelId });
    return [
      ...asked,
      ['ConnectionAccepted', request],
      ['ConnectionPlaceFreed', { studentId, connectionRequestId }],
      ['MatchEstablished', { matchId, studentId, tutorId, connectionRequestId }],
      ['ChatChannelCreated', { channelId, matchId, members: { studentId, tutorId } }],
    ];
  }

  #chat(): Step[] {
    const { studentId, tutorId, channelId } = oneOfLast(this.#pairs, 5_000);
    const members = { studentId, tutorId };
    return Array.from({ length: between(4, 20) }, () => [
      'ChatMessagePosted',
      { channelId, members, messageId: newId(), senderId: some([studentId, tutorId]), text: words() },
    ]);
  }

  #lesson(): Step[] {
    const { studentId, tutorId } = oneOfLast(this.#pairs, 5_000);
    const bookingId = newId();
    const booking = { bookingId, studentId, tutorId };
    const held = { ...booking, payerId: studentId };
    const payment = { ...held, paymentId: newId() };
    const asked: Step[] = [
      ['BookingInitiated', held],
      ['SlotHeld', booking],
      ['TimeSlotReserved', held],
      ['PaymentInitiated', payment],
      ['PaymentIntentCreated', payment],
    ];
    if (chance(0.08)) {
      const off: Step[] = [
        ['PaymentCanceled', payment],
        ['BookingFailed', booking],
        ['SlotReleased', { tutorId, bookingId }],
        ['TimeSlotReleased', booking],
      ];
      return [...asked, ...off];
    }
    const refundId = newId();
    const refund: Step[] = [
      ['RefundRequested', { ...payment, refundId, attempt: 1 }],
      ['PaymentRefunded', { ...payment, refundId }],
    ];
    return [
      ...asked,
      ...fromStripe(),
      ['PaymentProcessed', payment],
      ['LessonConfirmed', booking],
      ['SlotConfirmed', { tutorId, bookingId }],
      ...mail(studentId),
      ...mail(tutorId),
      ['LessonReminderDue', booking],
      ...mail(studentId),
      ...lessonOf(bookingId, studentId, tutorId),
      ['LessonCompleted', booking],
      ...(chance(0.05) ? refund : []),
      ...paidOut(payment),
      ['BookingSettled', booking],
    ];
  }
}

function mail(recipientId: string): Step[] {
  const deliveryId = newId();
  return [
    ['MailAttempted', { deliveryId, recipientId }],
    ['MailSent', { deliveryId, recipientId }],
  ];
}

function fromStripe(): Step[] {
  const stripeEventRef = newId();
  return [
    ['StripeEventReceived', { stripeEventRef }],
    ['StripeEventHandled', { stripeEventRef }],
  ];
}

/** The lesson itself: room, chat, files, recording. */
function lessonOf(lessonId: string, studentId: string, tutorId: string): Step[] {
  const lesson = { lessonId, studentId, tutorId };
  const both = [
    { ...lesson, userId: studentId, side: 'student' },
    { ...lesson, userId: tutorId, side: 'tutor' },
  ];
  const file = { ...lesson, fileId: newId(), uploadedBy: tutorId };
  const said = (): Step => ['RealtimeMessageSent', { ...lesson, messageId: newId(), senderId: some([studentId, tutorId]), text: words() }];
  const recorded: Step[] = [
    ['RecordingStopped', { lessonId }],
    ['RecordingUploaded', { lessonId }],
  ];
  return [
    ['VideoRoomCreated', lesson],
    ['LessonChatOpened', lesson],
    ...both.flatMap((person): Step[] => [
      ['JoinTokenIssued', person],
      ['ParticipantJoined', person],
    ]),
    ['BothParticipantsJoined', lesson],
    ['LessonStarted', { bookingId: lessonId, studentId, tutorId }],
    ...(chance(0.5) ? [['RecordingStarted', { lessonId }] as const, ...recorded] : [['RecordingSkipped', { lessonId }] as const]),
    ...Array.from({ length: between(0, 6) }, said),
    ...(chance(0.3) ? [['LessonFileUploadRequested', file] as const, ['LessonFileShared', file] as const] : []),
    ...both.map((person): Step => ['ParticipantLeft', person]),
    ['VideoRoomClosed', lesson],
    ['LessonChatClosed', lesson],
  ];
}

function paidOut(payment: Readonly<Record<string, unknown>>): Step[] {
  const payout = { ...payment, payoutId: newId() };
  return [
    ['PaymentReleased', payment],
    ['TutorPayoutScheduled', payout],
    ...fromStripe(),
    ['TutorPayoutSent', payout],
    ['TutorPayoutPaid', payout],
  ];
}
