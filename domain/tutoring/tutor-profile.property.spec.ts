import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SYSTEM, type CommandDefinition } from '../kernel/command.ts';
import { fold } from '../kernel/decider.ts';
import { MONDAY_NOON } from '../kernel/given-when-then.ts';
import { Refusal } from '../kernel/refusal.ts';
import {
  availableTutor,
  okafor,
  okaforProfile,
  profileStarted,
  reviewAsked,
  reviewer,
  tutorId,
  unclear,
} from './tutor-profile.examples.ts';
import * as tutor from './tutor-profile.messages.ts';
import { liveSubjects, tutorProfile, type TutorProfileState } from './tutor-profile.ts';

const subjects = fc
  .uniqueArray(fc.constantFrom('mathematics', 'physics', 'french'), { minLength: 1 })
  .map((names) => names.map((subject) => ({ subject, level: 'gcse' })));
const round = fc.integer({ min: 1, max: 4 });
const account = { role: 'tutor', active: true, timeZone: 'Europe/London' };

type Sent = { readonly type: string; readonly data: object; readonly by: object; readonly facts: object };
const sent = (definition: CommandDefinition, data: fc.Arbitrary<object> = fc.constant({}), by: object = okafor, facts: object = {}) =>
  data.map((given): Sent => ({ type: definition.type, data: { tutorId, ...given }, by, facts }));

/** Any order of anything that a tutor, an administrator and the policies may send. */
const commands = fc.array(
  fc.oneof(
    sent(tutor.createTutorProfile, fc.constant(okaforProfile), okafor, { account }),
    sent(tutor.updateTutorProfile, fc.record({ subjects }, { requiredKeys: [] })),
    sent(tutor.updateTutorProfile, fc.record({ hourlyRateMinor: fc.integer({ min: 100, max: 9000 }) })),
    sent(tutor.submitForReview, undefined, okafor, { documentedQualifications: 1 }),
    sent(tutor.approveTutor, fc.record({ round }), SYSTEM),
    sent(tutor.approveTutor, undefined, reviewer),
    sent(tutor.rejectTutor, fc.record({ round, reasons: fc.constant([unclear]) }), SYSTEM),
    sent(tutor.withdrawReviewRequest, fc.record({ round }), SYSTEM),
    sent(tutor.publishTutor, undefined, SYSTEM),
    sent(tutor.pauseTutor),
    sent(tutor.resumeTutor),
    sent(tutor.suspendTutor, fc.constant({ reason: 'complaints' }), reviewer),
    sent(tutor.reinstateTutor, undefined, reviewer),
  ),
  { maxLength: 40 },
);

function holds(state: TutorProfileState): void {
  const keys = (list: readonly tutor.Taught[]) => list.map(({ subject, level }) => `${subject} ${level}`);
  const approved = keys(state.approvedSubjects);
  // Nothing is shown that was not reviewed, and whoever is shown has something to teach.
  for (const shown of keys(state.published?.subjects ?? [])) expect(approved).toContain(shown);
  if (state.status === 'Available') {
    // What has just been approved is shown as soon as it is published; what was given up is gone at once.
    const live = keys(liveSubjects(state));
    expect(live.length).toBeGreaterThan(0);
    for (const shown of keys(state.published?.subjects ?? [])) expect(live).toContain(shown);
    expect(state.published?.hourlyRateMinor).toBe(state.profile?.hourlyRateMinor);
  }
  // A full review is under way exactly while the profile says so; a partial one only beside an approval.
  expect(state.status === 'InReview').toBe(state.review !== undefined && !state.review.partial);
  if (state.review?.partial) expect(['Approved', 'Available', 'Paused']).toContain(state.status);
  expect(new Set(approved).size).toBe(approved.length);
  expect(state.roundsInVain).toBeLessThanOrEqual(tutor.REVIEW_ROUNDS);
}

describe('A tutor profile, whatever happens to it', () => {
  it('shows only what was reviewed, and has one review at most', () =>
    fc.assert(
      fc.property(fc.constantFrom([], [profileStarted, reviewAsked], availableTutor), commands, (past, list) => {
        let state: TutorProfileState = fold<TutorProfileState, never, tutor.TutorProfileEvent>(tutorProfile, past);
        for (const { type, data, by, facts } of list) {
          const definition = tutor.commands.find((known) => known.type === type)!;
          const command = { type, data: definition.data.parse(data), by, facts, at: MONDAY_NOON };
          try {
            const events = tutorProfile.decide(command as never, state);
            for (const event of events) {
              const declared = tutorProfile.events.find(({ type }) => type === event.type)!;
              expect(declared.schema.parse(event.data)).toEqual(event.data);
            }
            state = fold(tutorProfile, events, state);
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            expect(tutorProfile.refusals.some((refusal) => error instanceof refusal)).toBe(true);
          }
          holds(state);
        }
      }),
      { numRuns: 600 },
    ));
});
