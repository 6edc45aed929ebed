import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { factProviders } from '#domain/facts.ts';
import { refusalCode } from '#domain/kernel/refusal.ts';
import { renderCatalogue } from '../catalogue/catalogue.ts';
import { declarations } from '../catalogue/declarations.ts';

const { deciders } = declarations;

const duplicates = (names: readonly string[]) => names.filter((name, place) => names.indexOf(name) !== place);

/** The events of the report (../shared/spec/platform-report.md, "Critical Domain Events"), and the one of its compensation. */
const OF_THE_REPORT = `
  AccountCreated EmailVerificationSent AccountActivated StudentProfileCreated MinorStatusDetected ParentConsentRequired ParentConsentGranted StudentReadyForPlatform
  TutorProfileCreated QualificationsAdded ReviewRequested AddedToAdminReviewQueue AdminReviewStarted QualificationsAssessed TutorApproved TutorRejected TutorAvailableForMatching
  SmartSearchExecuted TutorsRankedByAlgorithm SearchResultsGenerated ConnectionRequestSent TutorNotified ConnectionRequestViewed ConnectionAccepted MatchEstablished ChatChannelCreated
  BookingInitiated TimeSlotReserved PaymentProcessed LessonConfirmed VideoRoomCreated BothParticipantsJoined LessonStarted RealtimeMessageSent LessonFileShared LessonCompleted
  PaymentReleased TutorPayoutScheduled BookingFailed`
  .trim()
  .split(/\s+/);

describe('The catalogue of the domain', () => {
  it('is what the code declares (npm run catalogue writes it)', async () => {
    expect(await readFile('domain/README.md', 'utf8')).toBe(renderCatalogue(declarations));
  });
  it('has every event of the report, spelt as there', () => {
    const declared = new Set(deciders.flatMap((decider) => decider.events.map((event) => event.type)));
    expect(OF_THE_REPORT.filter((name) => !declared.has(name))).toEqual([]);
  });
});

describe('The declarations', () => {
  it('name each event, command, refusal code, aggregate, policy and effect once', () => {
    expect(duplicates(deciders.flatMap((decider) => decider.events.map((event) => event.type)))).toEqual([]);
    expect(
      duplicates([
        ...deciders.flatMap((decider) => decider.commands.map((command) => command.type)),
        ...declarations.effects.map((effect) => effect.type),
      ]),
    ).toEqual([]);
    // Aggregates of one context may share a rule, so the classes are counted, not their mentions.
    expect(duplicates([...new Set(deciders.flatMap((decider) => decider.refusals))].map(refusalCode))).toEqual([]);
    expect(duplicates(deciders.map((decider) => decider.aggregateType))).toEqual([]);
    expect(duplicates(declarations.processManagers.map((manager) => manager.name))).toEqual([]);
  });
  it('keep hyphens out of stream categories', () => {
    expect(deciders.map((decider) => decider.aggregateType).filter((type) => !/^[A-Z][A-Za-z]+$/.test(type))).toEqual([]);
  });
  it('carry the aggregate id in every command', () => {
    const without = deciders.flatMap((decider) =>
      decider.commands
        .filter((command) => !(decider.idField in ((command.data as { shape?: object }).shape ?? {})))
        .map((command) => command.type),
    );
    expect(without).toEqual([]);
  });
  it('say of every command with facts where they come from, and of no other', () => {
    const withFacts = deciders.flatMap((decider) =>
      decider.commands.filter((command) => command.facts !== undefined).map((command) => command.type),
    );
    expect(factProviders.map((provider) => provider.command).sort()).toEqual(withFacts.sort());
  });
  it('keep personal fields to strings', () => {
    const wrong = deciders.flatMap((decider) =>
      decider.events.flatMap((event) =>
        Object.keys(event.personal)
          .filter(
            (field) =>
              !acceptsText(
                (event.schema as unknown as { shape: Record<string, { safeParse(value: unknown): { success: boolean } }> }).shape[field],
              ),
          )
          .map((field) => `${event.type}.${field}`),
      ),
    );
    expect(wrong).toEqual([]);
  });
  it('undo every effect by something that exists, unless it says why it cannot be undone', () => {
    const known = new Set([
      ...deciders.flatMap((decider) => decider.commands.map((command) => command.type)),
      ...declarations.effects.map((effect) => effect.type),
    ]);
    const dangling = declarations.effects.filter((effect) =>
      'by' in effect.undo ? !known.has(effect.undo.by) : effect.undo.irreversible.length < 10,
    );
    expect(dangling.map((effect) => effect.type)).toEqual([]);
  });
});

function acceptsText(schema: { safeParse(value: unknown): { success: boolean } } | undefined): boolean {
  return schema !== undefined && ['2010-01-31', 'mia@example.org', 'Mia'].some((text) => schema.safeParse(text).success);
}
