import { Module } from '@nestjs/common';
import { AgoraWebhookController } from './lessons/agora-webhook.controller.ts';
import { AvailabilityController } from './lessons/availability.controller.ts';
import { Joining } from './lessons/joining.ts';
import { LessonsController } from './lessons/lessons.controller.ts';
import { InternalLessonsController } from './lessons/lessons.internal.controller.ts';
import { SharingFiles } from './lessons/sharing-files.ts';
import { ChannelsController } from './matching/channels.controller.ts';
import { ConnectionsController } from './matching/connections.controller.ts';
import { InternalMatchingController } from './matching/matching.internal.controller.ts';
import { SendingConnection } from './matching/sending-connection.ts';
import { AccountsAdminController } from './identity/accounts.admin.controller.ts';
import { AuthController } from './identity/auth.controller.ts';
import { ConsentsController } from './identity/consents.controller.ts';
import { IdentityInternalController } from './identity/identity.internal.controller.ts';
import { Registrations } from './identity/registration.ts';
import { SesWebhookController } from './identity/ses-webhook.controller.ts';
import { SignIn } from './identity/sign-in.ts';
import { StudentsController } from './identity/students.controller.ts';
import { VerificationPagesController } from './identity/verification-pages.controller.ts';
import { PaymentConfirmation } from './payments/payment-confirmation.ts';
import { PaymentsAdminController } from './payments/payments.admin.controller.ts';
import { PaymentsController } from './payments/payments.controller.ts';
import { PaymentsInternalController } from './payments/payments.internal.controller.ts';
import { PayoutAccountController } from './payments/payout-account.controller.ts';
import { PayoutOnboarding } from './payments/payout-onboarding.ts';
import { StripeWebhooksController } from './payments/stripe-webhooks.controller.ts';
import { QualificationDocuments } from './tutoring/qualification-documents.ts';
import { ReviewsController } from './tutoring/reviews.controller.ts';
import { TutorsAdminController } from './tutoring/tutors.admin.controller.ts';
import { TutorsController } from './tutoring/tutors.controller.ts';
import { TutoringInternalController } from './tutoring/tutoring.internal.controller.ts';

/** The public side of the commands: what port 3000 serves. Stores, adapters and the bus are injected from the process's platform. */
@Module({
  controllers: [
    ConnectionsController,
    ChannelsController,
    AvailabilityController,
    LessonsController,
    AgoraWebhookController,
    AuthController,
    VerificationPagesController,
    StudentsController,
    ConsentsController,
    SesWebhookController,
    TutorsController,
    ReviewsController,
    AccountsAdminController,
    TutorsAdminController,
    PaymentsController,
    PaymentsAdminController,
    PayoutAccountController,
    StripeWebhooksController,
  ],
  providers: [
    SendingConnection,
    Joining,
    SharingFiles,
    Registrations,
    SignIn,
    QualificationDocuments,
    PaymentConfirmation,
    PayoutOnboarding,
  ],
})
export class CommandApiModule {}

/** The internal side of the commands: what port 3001 serves to signed requests. */
@Module({
  controllers: [
    InternalMatchingController,
    InternalLessonsController,
    IdentityInternalController,
    TutoringInternalController,
    PaymentsInternalController,
  ],
  providers: [],
})
export class InternalCommandApiModule {}
