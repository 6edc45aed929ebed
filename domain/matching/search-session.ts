import { z } from 'zod';
import { defineCommand, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';

// Events
const search = { searchId: uuid };
const asked = {
  subject: z.string().max(60),
  level: z.string().max(40).optional(),
  language: z.string().max(20).optional(),
  maximumRateMinor: z.number().int().nonnegative().optional(),
  minimumRating: z.number().min(1).max(5).optional(),
  /** Whether words were searched for; the words themselves may be personal and are not kept. */
  withWords: z.boolean(),
};
const ranked = z.array(z.object({ tutorId: uuid, score: z.number().int().min(0) }));

export const smartSearchExecuted = defineEvent('SmartSearchExecuted', {
  sentence: 'Somebody searched for tutors.',
  schema: z.object({ ...search, searcherId: uuid.optional(), ...asked }),
});
export const tutorsRankedByAlgorithm = defineEvent('TutorsRankedByAlgorithm', {
  sentence: 'The tutors found were put in order by a named algorithm.',
  schema: z.object({ ...search, algorithmVersion: z.string(), top: ranked }),
});
export const searchResultsGenerated = defineEvent('SearchResultsGenerated', {
  sentence: 'The answer was given.',
  schema: z.object({ ...search, results: z.number().int().nonnegative(), tookMs: z.number().int().nonnegative() }),
});
export const searchFailed = defineEvent('SearchFailed', {
  sentence: 'The search gave no answer.',
  schema: z.object({ ...search, reason: z.enum(['timeout', 'unavailable', 'internal']) }),
});

const events = [smartSearchExecuted, tutorsRankedByAlgorithm, searchResultsGenerated, searchFailed] as const;
export type SearchSessionEvent = EventOf<typeof events>;

// Commands
export const recordSearch = defineCommand('RecordSearch', {
  sentence: 'Keep what was searched and how it was ranked, after the answer was given.',
  data: z.object({
    ...smartSearchExecuted.schema.shape,
    algorithmVersion: z.string(),
    top: ranked.max(20),
    results: searchResultsGenerated.schema.shape.results,
    tookMs: searchResultsGenerated.schema.shape.tookMs,
  }),
});
export const recordSearchFailure = defineCommand('RecordSearchFailure', {
  sentence: 'Keep that a search gave no answer.',
  data: searchFailed.schema,
});

const commands = [recordSearch, recordSearchFailure] as const;
type SearchSessionCommand = CommandOf<typeof commands>;

// State
export interface SearchSessionState {
  readonly recorded: boolean;
}

// Decisions
function decide(command: SearchSessionCommand, state: SearchSessionState): readonly SearchSessionEvent[] {
  if (state.recorded) return [];
  switch (command.type) {
    case 'RecordSearch': {
      const { algorithmVersion, top, results, tookMs, ...executed } = command.data;
      const { searchId } = executed;
      return [
        event(smartSearchExecuted, executed),
        event(tutorsRankedByAlgorithm, { searchId, algorithmVersion, top }),
        event(searchResultsGenerated, { searchId, results, tookMs }),
      ];
    }
    case 'RecordSearchFailure':
      return [event(searchFailed, command.data)];
    default:
      return unreachable(command);
  }
}

function evolve(_state: SearchSessionState, event: SearchSessionEvent): SearchSessionState {
  switch (event.type) {
    case 'SmartSearchExecuted':
    case 'TutorsRankedByAlgorithm':
    case 'SearchResultsGenerated':
    case 'SearchFailed':
      return { recorded: true };
  }
}

export const searchSession: Decider<SearchSessionState, SearchSessionCommand, SearchSessionEvent> = {
  aggregateType: 'SearchSession',
  context: 'matching',
  idField: 'searchId',
  stateVersion: 1,
  commands,
  events,
  refusals: [],
  initial: { recorded: false },
  decide,
  evolve,
};
