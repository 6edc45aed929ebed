import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#infra/postgres/database.ts';
import type { AdminReviewRow } from '#projections/tutoring/admin-reviews.ts';
import type { QualificationRow } from '#projections/tutoring/qualifications.ts';
import type { TutorProfileRow } from '#projections/tutoring/tutor-profiles.ts';

const TUTOR = `tutor_id as "tutorId", display_name as "displayName", headline, bio, subjects, published_subjects as "publishedSubjects",
  hourly_rate_minor as "hourlyRateMinor", currency, time_zone as "timeZone", languages, status, round,
  subjects_in_review as "subjectsInReview", reasons, available_since as "availableSince"`;
const QUALIFICATION = `tutor_id as "tutorId", qualification_id as "qualificationId", kind, title, institution, awarded_on as "awardedOn",
  expires_on as "expiresOn", document_key as "documentKey", status`;
const REVIEW = `review_id as "reviewId", tutor_id as "tutorId", round, partial, subjects, items, status, reviewer_id as "reviewerId",
  locked_until as "lockedUntil", requested_at as "requestedAt", sla_due_at as "slaDueAt", warned, breaches, outcome, reasons,
  closed_at as "closedAt"`;

/** Where a page of a list begins: after this tutor. */
export interface Page {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Reads tutors, their qualifications and reviews. */
@Injectable()
export class TutorsQueries {
  constructor(@Inject(Database) private readonly database: Database) {}

  async tutor(tutorId: string): Promise<TutorProfileRow | undefined> {
    const sql = `select ${TUTOR} from tutoring.tutor_profiles where key = $1`;
    return (await this.database.query<TutorProfileRow>(sql, [tutorId], 'tutoring.tutor'))[0];
  }

  qualifications(tutorId: string): Promise<QualificationRow[]> {
    const sql = `select ${QUALIFICATION} from tutoring.qualifications where tutor_id = $1 order by key`;
    return this.database.query<QualificationRow>(sql, [tutorId], 'tutoring.qualifications');
  }

  /** The review of the tutor's latest round. */
  async lastReview(tutorId: string): Promise<AdminReviewRow | undefined> {
    const sql = `select ${REVIEW} from tutoring.admin_reviews where tutor_id = $1 order by round desc limit 1`;
    return (await this.database.query<AdminReviewRow>(sql, [tutorId], 'tutoring.last_review'))[0];
  }

  async review(reviewId: string): Promise<AdminReviewRow | undefined> {
    const sql = `select ${REVIEW} from tutoring.admin_reviews where key = $1`;
    return (await this.database.query<AdminReviewRow>(sql, [reviewId], 'tutoring.review'))[0];
  }

  /** Reviews of some statuses, those due first. */
  reviews(statuses: readonly AdminReviewRow['status'][], limit: number): Promise<AdminReviewRow[]> {
    const sql = `select ${REVIEW} from tutoring.admin_reviews where status = any($1::text[]) order by sla_due_at, key limit $2`;
    return this.database.query<AdminReviewRow>(sql, [statuses, limit], 'tutoring.reviews');
  }

  /** Tutors whom students can find, of a subject and level when given; by id. */
  available({ subject, level }: { subject?: string | undefined; level?: string | undefined }, page: Page): Promise<TutorProfileRow[]> {
    const wanted = { ...(subject === undefined ? {} : { subject }), ...(level === undefined ? {} : { level }) };
    const taught = Object.keys(wanted).length === 0 ? '[]' : JSON.stringify([wanted]);
    const sql = `select ${TUTOR} from tutoring.tutor_profiles
      where status = 'Available' and published_subjects @> $1::jsonb and key > $2 order by key limit $3`;
    return this.database.query<TutorProfileRow>(sql, [taught, page.after ?? '', page.limit], 'tutoring.available');
  }
}
