import { describe, it } from '@jest/globals';
import type { z } from 'zod';
import type { Actor } from '../kernel/command.ts';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, plus } from '../kernel/time.ts';
import { mia, miaAsksOkafor, okafor, requestAccepted, requestSent, requestViewed, somebodyElse } from './connection-request.examples.ts';
import { TooManyOpenRequests } from './connection-allowance.ts';
import * as request from './connection-request.ts';

const { connectionRequest } = request;
const { connectionRequestId } = miaAsksOkafor;
const asked = { ...miaAsksOkafor, subject: 'mathematics', level: 'gcse' };
const allClear: z.output<NonNullable<typeof request.sendConnectionRequest.facts>> = {
  studentReady: true,
  tutorAvailable: true,
  pairHeldBy: connectionRequestId,
  placeTaken: true,
  matchActive: false,
};
const withdrawn = event(request.connectionWithdrawn, miaAsksOkafor);

describe('Sending a connection request', () => {
  const sending = (facts: Partial<typeof allClear> = {}, by = mia) =>
    given(connectionRequest).when(request.sendConnectionRequest, asked, { by, facts: { ...allClear, ...facts } });

  it('gives the tutor 24 hours to answer', () => sending().then(requestSent));
  it('is refused for somebody else', () => sending({}, somebodyElse).refused(request.NotYourConnectionRequest));
  it('is refused before onboarding is finished', () => sending({ studentReady: false }).refused(request.StudentNotReady));
  it('is refused when the tutor is not available', () => sending({ tutorAvailable: false }).refused(request.TutorNotAvailable));
  it('is refused while another request of the pair is open', () =>
    sending({ pairHeldBy: null }).refused(request.RequestAlreadyOpen, { connectionRequestId: null }));
  it('is refused when it has no place among the open ones', () =>
    sending({ placeTaken: false }).refused(TooManyOpenRequests, { most: 10 }));
  it('is refused when the two are connected already', () => sending({ matchActive: true }).refused(request.AlreadyConnected));
  it('is nothing new when it was sent already', () =>
    given(connectionRequest, requestSent).when(request.sendConnectionRequest, asked, { by: mia, facts: allClear }).alreadySo());
  it('is refused when the id belongs to another pair', () =>
    given(connectionRequest, requestSent)
      .when(request.sendConnectionRequest, { ...asked, studentId: somebodyElse.userId! }, { by: somebodyElse, facts: allClear })
      .refused(request.ConnectionRequestIdTaken));
});

describe('Viewing a request', () => {
  it('is recorded the first time', () =>
    given(connectionRequest, requestSent).when(request.viewConnectionRequest, { connectionRequestId }, { by: okafor }).then(requestViewed));
  it('is nothing new the second time', () =>
    given(connectionRequest, requestSent, requestViewed)
      .when(request.viewConnectionRequest, { connectionRequestId }, { by: okafor })
      .alreadySo());
  it('is refused to others', () =>
    given(connectionRequest, requestSent)
      .when(request.viewConnectionRequest, { connectionRequestId }, { by: somebodyElse })
      .refused(request.NotTheRequestedTutor));
  it('needs a request', () =>
    given(connectionRequest)
      .when(request.viewConnectionRequest, { connectionRequestId }, { by: okafor })
      .refused(request.ConnectionRequestNotFound));
});

describe('Accepting a request', () => {
  const accept = (
    past: readonly request.ConnectionRequestEvent[],
    { at = MONDAY_NOON, by = okafor, studentReady = true, tutorAvailable = true } = {},
  ) =>
    given(connectionRequest, ...past).when(
      request.acceptConnection,
      { connectionRequestId },
      { by, at, facts: { studentReady, tutorAvailable } },
    );

  it('connects the two', () => accept([requestSent]).then(requestAccepted));
  it('works after it was viewed', () => accept([requestSent, requestViewed]).then(requestAccepted));
  it('is nothing new the second time', () => accept([requestSent, requestAccepted]).alreadySo());
  it('is refused at the very moment it expires', () =>
    accept([requestSent], { at: plus(MONDAY_NOON, DAY) }).refused(request.RequestExpired));
  it('is refused to another tutor', () => accept([requestSent], { by: somebodyElse }).refused(request.NotTheRequestedTutor));
  it('is refused when the student was restricted meanwhile', () =>
    accept([requestSent], { studentReady: false }).refused(request.StudentNotReady));
  it('is refused when the tutor takes a break or was suspended meanwhile', () =>
    accept([requestSent], { tutorAvailable: false }).refused(request.TutorNotAvailable));
  it('is refused after it was withdrawn', () => accept([requestSent, withdrawn]).refused(request.RequestClosed, { status: 'Withdrawn' }));
});

describe('Noting that the tutor was told', () => {
  const told = event(request.tutorNotified, miaAsksOkafor);
  const noting = (...past: readonly request.ConnectionRequestEvent[]) =>
    given(connectionRequest, ...past).when(request.noteTutorNotified, { connectionRequestId });

  it('is on record', () => noting(requestSent).then(told));
  it('is nothing new the second time', () => noting(requestSent, told).alreadySo());
  it('needs a request', () => noting().refused(request.ConnectionRequestNotFound));
});

describe('Reminding the tutor', () => {
  const { subject, level, expiresAt } = requestSent.data;
  const reminded = event(request.tutorReminded, { ...miaAsksOkafor, subject, level, expiresAt });
  const reminding = (...past: readonly request.ConnectionRequestEvent[]) =>
    given(connectionRequest, ...past).when(request.remindTutor, { connectionRequestId });

  it('happens while the request waits', () => reminding(requestSent, requestViewed).then(reminded));
  it('is nothing new the second time', () => reminding(requestSent, reminded, requestAccepted).alreadySo());
  it('is refused when it was answered', () =>
    reminding(requestSent, requestAccepted).refused(request.RequestClosed, { status: 'Accepted' }));
});

describe('Rejecting a request', () => {
  const rejected = event(request.connectionRejected, { ...miaAsksOkafor, reason: 'fully booked' });
  const rejecting = (past: readonly request.ConnectionRequestEvent[], by = okafor) =>
    given(connectionRequest, ...past).when(request.rejectConnection, { connectionRequestId, reason: 'fully booked' }, { by });

  it('ends it, with a reason', () => rejecting([requestSent]).then(rejected));
  it('is nothing new the second time', () => rejecting([requestSent, rejected]).alreadySo());
  it('is refused to another tutor', () => rejecting([requestSent], somebodyElse).refused(request.NotTheRequestedTutor));
  it('is refused after it was accepted', () =>
    rejecting([requestSent, requestAccepted]).refused(request.RequestClosed, { status: 'Accepted' }));
});

describe('Withdrawing a request', () => {
  const withdrawing = (past: readonly request.ConnectionRequestEvent[], by: Actor = mia) =>
    given(connectionRequest, ...past).when(request.withdrawConnection, { connectionRequestId }, { by });

  it('ends it', () => withdrawing([requestSent]).then(withdrawn));
  it('is possible for the parent', () =>
    withdrawing([requestSent], { role: 'parent', userId: somebodyElse.userId!, actingFor: miaAsksOkafor.studentId }).then(withdrawn));
  it('is nothing new the second time', () => withdrawing([requestSent, withdrawn]).alreadySo());
  it('is refused to the tutor', () => withdrawing([requestSent], okafor).refused(request.NotYourConnectionRequest));
  it('is refused after it was accepted', () =>
    withdrawing([requestSent, requestAccepted]).refused(request.RequestClosed, { status: 'Accepted' }));
});

describe('Expiring a request', () => {
  const expired = event(request.connectionRequestExpired, miaAsksOkafor);
  const expiring = (past: readonly request.ConnectionRequestEvent[], at = plus(MONDAY_NOON, DAY)) =>
    given(connectionRequest, ...past).when(request.expireConnectionRequest, { connectionRequestId }, { at });

  it('happens after a day', () => expiring([requestSent, requestViewed]).then(expired));
  it('is nothing new the second time', () => expiring([requestSent, expired]).alreadySo());
  it('is refused a millisecond before', () =>
    expiring([requestSent], plus(MONDAY_NOON, DAY - 1)).refused(request.RequestNotYetExpired, { expiresAt: plus(MONDAY_NOON, DAY) }));
  it('is refused when it was answered', () =>
    expiring([requestSent, requestAccepted]).refused(request.RequestClosed, { status: 'Accepted' }));
});

describe('Voiding a request', () => {
  const voided = event(request.connectionRequestVoided, { ...miaAsksOkafor, reason: 'tutor_unavailable' });
  const voiding = (...past: readonly request.ConnectionRequestEvent[]) =>
    given(connectionRequest, ...past).when(request.voidConnectionRequest, { connectionRequestId, reason: 'tutor_unavailable' });

  it('ends it', () => voiding(requestSent).then(voided));
  it('is nothing new the second time', () => voiding(requestSent, voided).alreadySo());
  it('is refused when it was answered', () => voiding(requestSent, requestAccepted).refused(request.RequestClosed, { status: 'Accepted' }));
});
