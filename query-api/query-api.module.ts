import { Module } from '@nestjs/common';
import { CONFIG, LOG } from '#infra/http/injection.ts';
import { Database } from '#infra/postgres/database.ts';
import { ChatTokens } from './lessons/chat-tokens.ts';
import { LessonsQueriesController } from './lessons/lessons.controller.ts';
import { InternalLessonsQueriesController } from './lessons/lessons.internal.controller.ts';
import { LessonsQueries } from './lessons/lessons.queries.ts';
import { SlotsController } from './lessons/slots.controller.ts';
import { SlotsQueries } from './lessons/slots.queries.ts';
import { ChannelsQueries } from './matching/channels.queries.ts';
import { ConnectionsQueriesController } from './matching/connections.controller.ts';
import { ConnectionsQueries } from './matching/connections.queries.ts';
import { InternalMatchingQueriesController } from './matching/matching.internal.controller.ts';
import { SearchController } from './matching/search.controller.ts';
import { Searching } from './matching/searching.ts';
import { tutorIndex } from './matching/tutor-index-of.ts';
import { TUTOR_INDEX } from './matching/tutor-index.ts';
import { AuditController } from './audit/audit.controller.ts';
import { Histories } from './audit/history.ts';
import { IdentityInternalQueriesController } from './identity/identity.internal.controller.ts';
import { UsersController } from './identity/users.controller.ts';
import { UsersQueries } from './identity/users.queries.ts';
import { EarningsController } from './payments/earnings.controller.ts';
import { LedgerController } from './payments/ledger.controller.ts';
import { PaymentsQueriesController } from './payments/payments.controller.ts';
import { PaymentsInternalQueriesController } from './payments/payments.internal.controller.ts';
import { PaymentsQueries } from './payments/payments.queries.ts';
import { ReviewsQueriesController } from './tutoring/reviews.controller.ts';
import { TutoringInternalQueriesController } from './tutoring/tutoring.internal.controller.ts';
import { TutorsQueriesController } from './tutoring/tutors.controller.ts';
import { TutorsQueries } from './tutoring/tutors.queries.ts';

/** The public side of the queries: what port 3000 serves. Stores, adapters and the bus are injected from the process's platform. */
@Module({
  controllers: [
    SearchController,
    ConnectionsQueriesController,
    SlotsController,
    LessonsQueriesController,
    AuditController,
    UsersController,
    TutorsQueriesController,
    ReviewsQueriesController,
    PaymentsQueriesController,
    EarningsController,
    LedgerController,
  ],
  providers: [
    ConnectionsQueries,
    ChannelsQueries,
    Searching,
    { provide: TUTOR_INDEX, useFactory: tutorIndex, inject: [CONFIG, Database, LOG] },
    LessonsQueries,
    SlotsQueries,
    ChatTokens,
    Histories,
    UsersQueries,
    TutorsQueries,
    PaymentsQueries,
  ],
})
export class QueryApiModule {}

/** The internal side of the queries: what port 3001 serves to signed requests. */
@Module({
  controllers: [
    InternalMatchingQueriesController,
    InternalLessonsQueriesController,
    IdentityInternalQueriesController,
    TutoringInternalQueriesController,
    PaymentsInternalQueriesController,
  ],
  providers: [ConnectionsQueries, LessonsQueries, UsersQueries, TutorsQueries, PaymentsQueries],
})
export class InternalQueryApiModule {}
