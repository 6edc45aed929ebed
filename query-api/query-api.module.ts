import { Module } from '@nestjs/common';
import { AuditController } from './audit/audit.controller.ts';
import { Histories } from './audit/history.ts';
import { IdentityInternalQueriesController } from './identity/identity.internal.controller.ts';
import { UsersController } from './identity/users.controller.ts';
import { UsersQueries } from './identity/users.queries.ts';
import { ReviewsQueriesController } from './tutoring/reviews.controller.ts';
import { TutoringInternalQueriesController } from './tutoring/tutoring.internal.controller.ts';
import { TutorsQueriesController } from './tutoring/tutors.controller.ts';
import { TutorsQueries } from './tutoring/tutors.queries.ts';

/** The public side of the queries: what port 3000 serves. Stores, adapters and the bus are injected from the process's platform. */
@Module({
  controllers: [AuditController, UsersController, TutorsQueriesController, ReviewsQueriesController],
  providers: [Histories, UsersQueries, TutorsQueries],
})
export class QueryApiModule {}

/** The internal side of the queries: what port 3001 serves to signed requests. */
@Module({
  controllers: [IdentityInternalQueriesController, TutoringInternalQueriesController],
  providers: [UsersQueries, TutorsQueries],
})
export class InternalQueryApiModule {}
