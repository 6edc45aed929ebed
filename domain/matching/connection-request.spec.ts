import { describe, it } from '@jest/globals';
import type { z } from 'zod';
import { event } from '../kernel/event.ts';
import { given, MONDAY_NOON } from '../kernel/given-when-then.ts';
import { DAY, plus } from '../kernel/time.ts';
import { mia, miaAsksOkafor, okafor, requestAccepted, requestSent, requestViewed, somebodyElse } from './connection-request.examples.ts';
import * as request from './connection-request.ts';

const { connectionRequest } = request;
const { connectionRequestId } = miaAsksOkafor;
const asked = { ...miaAsksOkafor, subject: 'mathematics', level: 'gcse' };
const allClear: z.output<NonNullable<typeof request.sendConnectionRequest.facts>> = {
  studentReady: true,
  tutorAvailable: true,
  pairHeldBy: connectionRequestId,
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
  const accept = (past: readonly request.ConnectionRequestEvent[], { at = MONDAY_NOON, by = okafor, studentReady = true } = {}) =>
    given(connectionRequest, ...past).when(request.acceptConnection, { connectionRequestId }, { by, at, facts: { studentReady } });

  it('connects the two', () => accept([requestSent]).then(requestAccepted));
  it('works after it was viewed', () => accept([requestSent, requestViewed]).then(requestAccepted));
  it('is nothing new the second time', () => accept([requestSent, requestAccepted]).alreadySo());
  it('is refused at the very moment it expires', () =>
    accept([requestSent], { at: plus(MONDAY_NOON, DAY) }).refused(request.RequestExpired));
  it('is refused to another tutor', () => accept([requestSent], { by: somebodyElse }).refused(request.NotTheRequestedTutor));
  it('is refused when the student was restricted meanwhile', () =>
    accept([requestSent], { studentReady: false }).refused(request.StudentNotReady));
  it('is refused after it was withdrawn', () => accept([requestSent, withdrawn]).refused(request.RequestClosed, { status: 'Withdrawn' }));
});
