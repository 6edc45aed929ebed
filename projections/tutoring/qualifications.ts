import type { Events } from '#domain/deciders.ts';
import { change, put, remove, type ReadModel } from '#domain/kernel/consumer.ts';
import type { PortfolioItem } from '#domain/tutoring/qualification-portfolio.ts';

export interface QualificationRow {
  readonly tutorId: string;
  readonly qualificationId: string;
  readonly kind: PortfolioItem['kind'];
  readonly title: string;
  readonly institution: string;
  readonly awardedOn: string | null;
  readonly expiresOn: string | null;
  readonly documentKey: string | null;
  readonly status: PortfolioItem['status'];
}

// Qualification ids are the tutor's own, so they are unique within a portfolio only.
const keyOf = (tutorId: string, qualificationId: string): string => `${tutorId}_${qualificationId}`;

/** Every qualification that a tutor names now. */
export const qualifications: ReadModel<QualificationRow, Events> = {
  name: 'qualifications',
  context: 'tutoring',
  version: 1,
  sentence: 'What tutors can show, and what a review said of it.',
  columns: {
    tutorId: 'uuid',
    qualificationId: 'uuid',
    kind: 'text',
    title: 'text',
    institution: 'text',
    awardedOn: 'date?',
    expiresOn: 'date?',
    documentKey: 'text?',
    status: 'text',
  },
  indexes: [['tutorId']],
  on: {
    QualificationsAdded: ({ data: { tutorId, qualifications } }) =>
      qualifications.map(({ qualificationId, kind, title, institution, awardedOn, expiresOn, document }) =>
        put<QualificationRow>(keyOf(tutorId, qualificationId), {
          tutorId,
          qualificationId,
          kind,
          title,
          institution,
          awardedOn: awardedOn ?? null,
          expiresOn: expiresOn ?? null,
          documentKey: document?.key ?? null,
          status: 'unverified',
        }),
      ),
    QualificationRemoved: ({ data: { tutorId, qualificationId } }) => remove(keyOf(tutorId, qualificationId)),
    QualificationStatusChanged: ({ data: { tutorId, qualificationId, status } }) =>
      change<QualificationRow>(keyOf(tutorId, qualificationId), (row) => ({ ...row, status })),
    QualificationExpired: ({ data: { tutorId, qualificationId } }) =>
      change<QualificationRow>(keyOf(tutorId, qualificationId), (row) => ({ ...row, status: 'expired' })),
  },
};
