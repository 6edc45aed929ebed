import { z } from 'zod';
import { defineCommand, type Actor, type CommandOf } from '../kernel/command.ts';
import { unreachable, type Decider } from '../kernel/decider.ts';
import { defineEvent, event, type EventOf } from '../kernel/event.ts';
import { uuid } from '../kernel/ids.ts';
import { Refusal } from '../kernel/refusal.ts';

/** What a document of a qualification may be. */
export const DOCUMENT_TYPES: readonly string[] = ['application/pdf', 'image/jpeg', 'image/png'];
export const DOCUMENT_MAX_BYTES = 10 * 1024 * 1024;
export const QUALIFICATIONS_MAX = 30;

/** Where a tutor's documents are kept: nobody may name the document of another tutor. */
export const documentPrefix = (tutorId: string): string => `tutor-qualifications/${tutorId}/`;

const target = { tutorId: uuid };
const item = { ...target, qualificationId: uuid };
const text = z.string().trim().min(1).max(160);
const document = z.object({ key: z.string().max(300), contentType: z.string().max(100), sizeBytes: z.number().int().nonnegative() });
const qualification = {
  qualificationId: uuid,
  kind: z.enum(['degree', 'teaching_licence', 'certificate', 'experience']),
  title: text,
  institution: text,
  awardedOn: z.iso.date().optional(),
  expiresOn: z.iso.date().optional(),
};
export const verdict = z.enum(['verified', 'rejected', 'needsInfo']);
export type Verdict = z.output<typeof verdict>;

// Events
export const qualificationsAdded = defineEvent('QualificationsAdded', {
  sentence: 'The tutor named qualifications.',
  schema: z.object({ ...target, qualifications: z.array(z.object({ ...qualification, document: document.optional() })) }),
});
export const qualificationRemoved = defineEvent('QualificationRemoved', {
  sentence: 'The tutor took a qualification back.',
  schema: z.object(item),
});
export const portfolioFrozen = defineEvent('PortfolioFrozen', {
  sentence: 'The portfolio is being reviewed and does not change meanwhile.',
  schema: z.object({ ...target, reviewId: uuid }),
});
export const portfolioUnfrozen = defineEvent('PortfolioUnfrozen', {
  sentence: 'The portfolio may change again.',
  schema: z.object({ ...target, reviewId: uuid }),
});
export const qualificationStatusChanged = defineEvent('QualificationStatusChanged', {
  sentence: 'A review judged a qualification.',
  schema: z.object({ ...item, reviewId: uuid, assessmentId: uuid, status: verdict }),
});
export const qualificationExpired = defineEvent('QualificationExpired', {
  sentence: 'A qualification is out of date.',
  schema: z.object(item),
});
const events = [
  qualificationsAdded,
  qualificationRemoved,
  portfolioFrozen,
  portfolioUnfrozen,
  qualificationStatusChanged,
  qualificationExpired,
] as const;
export type QualificationPortfolioEvent = EventOf<typeof events>;

// Commands
export const addQualifications = defineCommand('AddQualifications', {
  sentence: 'Name qualifications, each with a document that was uploaded before.',
  data: z.object({
    ...target,
    /** `document` is what the storage says of the key: null when nothing is stored there. */
    qualifications: z
      .array(z.object({ ...qualification, documentKey: z.string().max(300).optional(), document: document.nullable().optional() }))
      .min(1)
      .max(QUALIFICATIONS_MAX),
  }),
  facts: z.object({ profileExists: z.boolean() }),
});
export const removeQualification = defineCommand('RemoveQualification', {
  sentence: 'Take a qualification back.',
  data: z.object(item),
});
export const freezePortfolio = defineCommand('FreezePortfolio', {
  sentence: 'Keep a portfolio as it is while it is reviewed.',
  data: z.object({ ...target, reviewId: uuid }),
});
export const unfreezePortfolio = defineCommand('UnfreezePortfolio', {
  sentence: 'Let a portfolio change again.',
  data: z.object({ ...target, reviewId: uuid }),
});
export const applyAssessment = defineCommand('ApplyAssessment', {
  sentence: 'Take over what a review says about each qualification.',
  data: z.object({
    ...target,
    reviewId: uuid,
    /** The assessment that is taken over: once, though later ones may have said otherwise. */
    assessmentId: uuid,
    items: z.array(z.object({ qualificationId: uuid, status: verdict })).max(QUALIFICATIONS_MAX),
  }),
});
export const expireQualification = defineCommand('ExpireQualification', {
  sentence: 'Note that a qualification is out of date.',
  data: z.object(item),
});
const commands = [
  addQualifications,
  removeQualification,
  freezePortfolio,
  unfreezePortfolio,
  applyAssessment,
  expireQualification,
] as const;
type QualificationPortfolioCommand = CommandOf<typeof commands>;

// Refusals
export class NotYourPortfolio extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'These qualifications belong to somebody else.';
}
export class TutorProfileMissing extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'A tutor profile must exist before qualifications are added.';
}
export class PortfolioUnderReview extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Qualifications cannot change while they are being reviewed.';
}
export class QualificationNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'There is no such qualification.';
}
export class QualificationIdTaken extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'Another qualification has this id.';
}
export class TooManyQualifications extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'A portfolio holds no more qualifications.';
}
export class DocumentNotYours extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'The document was not uploaded by this tutor.';
}
export class DocumentNotUploaded extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'Nothing has been uploaded under this key.';
}
export class DocumentTypeNotAllowed extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'A document must be a PDF, JPEG or PNG file.';
}
export class DocumentTooLarge extends Refusal {
  static override readonly kind = 'invalid';
  static override readonly sentence = 'A document may have at most 10 MB.';
}
export class QualificationStillValid extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The qualification is not out of date.';
}

// State
type Qualification = z.output<typeof qualificationsAdded.schema>['qualifications'][number];
export interface PortfolioItem extends Qualification {
  readonly status: 'unverified' | Verdict | 'expired';
}
export interface QualificationPortfolioState {
  readonly items: readonly PortfolioItem[];
  readonly frozenFor: string | undefined;
  /** Assessments that were taken over. */
  readonly assessments: readonly string[];
}
const initial: QualificationPortfolioState = { items: [], frozenFor: undefined, assessments: [] };

/** The items that a review must look at: those with a document that still counts. */
export const reviewable = (state: QualificationPortfolioState): readonly PortfolioItem[] =>
  state.items.filter((item) => item.document !== undefined && item.status !== 'expired');
/** What a review is asked to judge: everything reviewable that no review has verified yet. */
export const itemsToReview = (state: QualificationPortfolioState) =>
  reviewable(state)
    .filter(({ status }) => status !== 'verified')
    .map(({ qualificationId, kind, title }) => ({ qualificationId, kind, title }));

// Decisions
function decide(command: QualificationPortfolioCommand, state: QualificationPortfolioState): readonly QualificationPortfolioEvent[] {
  const { tutorId } = command.data;
  switch (command.type) {
    case 'AddQualifications':
      return add(command, state);
    case 'RemoveQualification': {
      const { qualificationId } = command.data;
      mustOwn(command.by, tutorId);
      if (!state.items.some((item) => item.qualificationId === qualificationId)) throw new QualificationNotFound();
      if (state.frozenFor !== undefined) throw new PortfolioUnderReview();
      return [event(qualificationRemoved, { tutorId, qualificationId })];
    }
    case 'FreezePortfolio': {
      const { reviewId } = command.data;
      if (state.frozenFor === reviewId) return [];
      return [event(portfolioFrozen, { tutorId, reviewId })];
    }
    case 'UnfreezePortfolio':
      return state.frozenFor === command.data.reviewId ? [event(portfolioUnfrozen, { tutorId, reviewId: state.frozenFor })] : [];
    case 'ApplyAssessment': {
      const { reviewId, assessmentId, items } = command.data;
      if (state.assessments.includes(assessmentId)) return [];
      const known = items.filter(({ qualificationId }) =>
        state.items.some((item) => item.qualificationId === qualificationId && item.status !== 'expired'),
      );
      return known.map((judged) => event(qualificationStatusChanged, { tutorId, reviewId, assessmentId, ...judged }));
    }
    case 'ExpireQualification': {
      const { qualificationId } = command.data;
      const found = state.items.find((item) => item.qualificationId === qualificationId);
      if (found === undefined || found.status === 'expired') return [];
      if (found.expiresOn === undefined || command.at.slice(0, 10) <= found.expiresOn) throw new QualificationStillValid();
      return [event(qualificationExpired, { tutorId, qualificationId })];
    }
    default:
      return unreachable(command);
  }
}

function add(command: CommandOf<typeof addQualifications>, state: QualificationPortfolioState): readonly QualificationPortfolioEvent[] {
  const { data, facts, by } = command;
  const { tutorId } = data;
  mustOwn(by, tutorId);
  if (!facts.profileExists) throw new TutorProfileMissing();
  const fresh = data.qualifications.flatMap(({ documentKey, document: stored, ...rest }): Qualification[] => {
    const known = state.items.find((item) => item.qualificationId === rest.qualificationId);
    if (known !== undefined) {
      if (known.title === rest.title && known.document?.key === documentKey) return [];
      throw new QualificationIdTaken();
    }
    return [documentKey === undefined ? rest : { ...rest, document: accepted(tutorId, documentKey, stored) }];
  });
  if (fresh.length === 0) return [];
  if (state.frozenFor !== undefined) throw new PortfolioUnderReview();
  if (state.items.length + fresh.length > QUALIFICATIONS_MAX) throw new TooManyQualifications({ most: QUALIFICATIONS_MAX });
  return [event(qualificationsAdded, { tutorId, qualifications: fresh })];
}

type Stored = z.output<typeof document>;

function accepted(tutorId: string, documentKey: string, stored: Stored | null | undefined): Stored {
  if (!documentKey.startsWith(documentPrefix(tutorId))) throw new DocumentNotYours();
  if (stored?.key !== documentKey) throw new DocumentNotUploaded();
  if (!DOCUMENT_TYPES.includes(stored.contentType)) throw new DocumentTypeNotAllowed({ contentType: stored.contentType });
  if (stored.sizeBytes > DOCUMENT_MAX_BYTES) throw new DocumentTooLarge({ sizeBytes: stored.sizeBytes });
  return stored;
}

function mustOwn(by: Actor, tutorId: string): void {
  if (by.userId !== tutorId) throw new NotYourPortfolio();
}

function evolve(state: QualificationPortfolioState, event: QualificationPortfolioEvent): QualificationPortfolioState {
  const changed = (qualificationId: string, status: PortfolioItem['status']) =>
    state.items.map((item) => (item.qualificationId === qualificationId ? { ...item, status } : item));
  switch (event.type) {
    case 'QualificationsAdded':
      return {
        ...state,
        items: [...state.items, ...event.data.qualifications.map((item) => ({ ...item, status: 'unverified' as const }))],
      };
    case 'QualificationRemoved':
      return { ...state, items: state.items.filter((item) => item.qualificationId !== event.data.qualificationId) };
    case 'PortfolioFrozen':
      return { ...state, frozenFor: event.data.reviewId };
    case 'PortfolioUnfrozen':
      return { ...state, frozenFor: undefined };
    case 'QualificationStatusChanged':
      return {
        ...state,
        items: changed(event.data.qualificationId, event.data.status),
        assessments: [...new Set([...state.assessments, event.data.assessmentId])],
      };
    case 'QualificationExpired':
      return { ...state, items: changed(event.data.qualificationId, 'expired') };
  }
}

export const qualificationPortfolio: Decider<QualificationPortfolioState, QualificationPortfolioCommand, QualificationPortfolioEvent> = {
  aggregateType: 'QualificationPortfolio',
  context: 'tutoring',
  idField: 'tutorId',
  stateVersion: 1,
  commands,
  events,
  refusals: [
    NotYourPortfolio,
    TutorProfileMissing,
    PortfolioUnderReview,
    QualificationNotFound,
    QualificationIdTaken,
    TooManyQualifications,
    DocumentNotYours,
    DocumentNotUploaded,
    DocumentTypeNotAllowed,
    DocumentTooLarge,
    QualificationStillValid,
  ],
  initial,
  decide,
  evolve,
};
