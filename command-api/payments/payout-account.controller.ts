import { Controller, Inject, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Caller, Endpoint } from '#infra/http/endpoint.ts';
import { onboardingLink, PayoutOnboarding } from './payout-onboarding.ts';

@Controller('tutors/payout-account')
export class PayoutAccountController {
  constructor(@Inject(PayoutOnboarding) private readonly onboarding: PayoutOnboarding) {}

  @Post('onboarding-link')
  @Endpoint({
    summary: 'Get a link to fill in the account at Stripe that payouts go to. It opens once and lives for minutes.',
    actors: ['tutor'],
    response: onboardingLink,
    status: 201,
    secretAnswer: true,
    rate: 'strict',
  })
  link(@Caller() caller: Caller): Promise<z.output<typeof onboardingLink>> {
    return this.onboarding.link(caller);
  }
}
