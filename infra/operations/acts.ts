import { z } from 'zod';
import { defineCommand, type CommandOf } from '#domain/kernel/command.ts';
import { defineEvent, type EventOf, type PersonalFields } from '#domain/kernel/event.ts';
import { uuid } from '#domain/kernel/ids.ts';

/** The groups of consumers of the log. One process at a time leads each, under a lease of the same name; each has a stream of its own. */
export const GROUPS = ['projections', 'process-managers'] as const;
export type Group = (typeof GROUPS)[number];

const position = z.string().regex(/^\d{1,20}$/);
/** Who asks for what and why. The id of an act is that of its command, so an act that is asked for again is the same one. */
const asked = {
  group: z.enum(GROUPS),
  actId: uuid,
  /** A user id, or the account that runs a program on the command line. */
  who: z.string().trim().min(1).max(120),
  /** In the operator's words: a case number rather than a name. */
  why: z.string().trim().min(1).max(500),
};

/** One act: whom it is asked of, the command that asks for it and the event that says so. `phrase` is what is done. */
function act<N extends string, S extends z.ZodRawShape>(group: Group, name: N, phrase: string, shape: S, personal: PersonalFields = {}) {
  const schema = z.object({ ...asked, ...shape });
  return {
    group,
    request: defineCommand(`Request${name}`, { sentence: `Ask to ${phrase}.`, data: schema }),
    requested: { ...defineEvent(`${name}Requested`, { sentence: `An operator asked to ${phrase}.`, schema }), personal },
  } as const;
}

const ofModel = { consumer: z.string().min(1) };
const ofVersion = { ...ofModel, version: z.number().int().positive() };
/** What is held back together: all of a stream, or one row. */
const ofPlace = { ...ofVersion, scope: z.enum(['stream', 'row']), key: z.string() };
/** A reaction by the id of the command that it would send. */
const ofReaction = {
  manager: z.string().min(1),
  reactionId: uuid,
  instance: z.string(),
  eventId: uuid,
  eventType: z.string(),
  /** Commit position of that event. */
  position,
};
/** Whom the text that comes with an act is about, so that it is forgotten with that person. */
const about = { subjectId: uuid };

export const pauseModel = act('projections', 'ReadModelPause', 'pause a read model', ofModel);
export const resumeModel = act('projections', 'ReadModelResume', 'let a paused read model catch up', ofModel);
export const rebuildModel = act('projections', 'ReadModelRebuild', 'rebuild a read model beside the serving one', {
  ...ofVersion,
  /** Whether rows that come out differently are taken. */
  accept: z.boolean(),
});
export const copyModel = act('projections', 'ReadModelCopy', 'copy a read model as it was at a moment', {
  ...ofVersion,
  /** Position or time, as the operator gave it. */
  asOf: z.string(),
});
export const exportModel = act('projections', 'ReadModelExport', 'export the rows of a read model or of a copy', {
  ...ofVersion,
  format: z.string(),
});
export const retryLetters = act('projections', 'DeadLetterRetry', 'take in what a read model holds back under a key', {
  ...ofPlace,
  /** Whether it had been given up. */
  givenUp: z.boolean(),
});
export const skipLetter = act('projections', 'DeadLetterSkip', 'give up the event that a read model failed on', {
  ...ofPlace,
  position,
  eventId: uuid,
  eventType: z.string(),
  stream: z.string(),
  revision: z.number().int().nonnegative(),
});
export const retryReaction = act('process-managers', 'ReactionRetry', 'try a reaction again from its first attempt on', ofReaction);
export const editReaction = act(
  'process-managers',
  'ReactionEdit',
  'try a reaction again with other data for its command',
  {
    ...ofReaction,
    ...about,
    /** The data of the command, as JSON. */
    data: z.string(),
  },
  { data: 'subjectId' },
);
export const skipReaction = act('process-managers', 'ReactionSkip', 'give a reaction up', ofReaction);
export const compensateReaction = act(
  'process-managers',
  'ReactionCompensation',
  'send another command in place of a reaction’s own',
  {
    ...ofReaction,
    ...about,
    commandType: z.string().min(1),
    /** The data of that command, as JSON. */
    data: z.string(),
  },
  { data: 'subjectId' },
);

/** Everything that an operator can ask of the engines. */
export const acts = [
  pauseModel,
  resumeModel,
  rebuildModel,
  copyModel,
  exportModel,
  retryLetters,
  skipLetter,
  retryReaction,
  editReaction,
  skipReaction,
  compensateReaction,
] as const;

const concluded = z.object({
  group: z.enum(GROUPS),
  actId: uuid,
  /** What came of it, or why nothing did: no personal data. */
  outcome: z.string().max(2_000),
});
export const operatorActDone = defineEvent('OperatorActDone', { sentence: 'What an operator asked for was done.', schema: concluded });
export const operatorActFailed = defineEvent('OperatorActFailed', {
  sentence: 'What an operator asked for could not be done; nothing has changed.',
  schema: concluded,
});
export const noteActDone = defineCommand('NoteOperatorActDone', { sentence: 'Record that an act was done.', data: concluded });
export const noteActFailed = defineCommand('NoteOperatorActFailed', { sentence: 'Record that an act could not be done.', data: concluded });

/** An act that was asked for, as it is on record. */
export type OperatorAct = EventOf<(typeof acts)[number]['requested']>;
export type OperationsEvent = OperatorAct | EventOf<typeof operatorActDone | typeof operatorActFailed>;
export type OperationsCommand = CommandOf<(typeof acts)[number]['request'] | typeof noteActDone | typeof noteActFailed>;
