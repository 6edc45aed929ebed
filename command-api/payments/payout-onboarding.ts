import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { issueOnboardingLink, startPayoutOnboarding, tutorPayoutAccount } from '#domain/payments/tutor-payout-account.ts';
import { StripePayments } from '#infra/adapters/stripe/stripe-payments.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import type { Caller } from '#infra/http/endpoint.ts';
import { CONFIG } from '#infra/http/injection.ts';
import { meaningOfStripe, PayoutAccountBeingOpened } from './refusals.ts';

export const onboardingLink = z.object({ url: z.string(), expiresAt: z.iso.datetime() });

/** How long a tutor's first request waits for the policy that opens the account. */
const OPENED_WITHIN_MS = 5_000;
const LOOK_AGAIN_MS = 100;

/** Leads tutors to their account at Stripe. */
@Injectable()
export class PayoutOnboarding {
  constructor(
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Aggregates) private readonly aggregates: Aggregates,
    @Inject(StripePayments) private readonly stripe: StripePayments,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicHttp'>,
  ) {}

  /** Throws the account's refusals, `PayoutAccountBeingOpened`, and 503 when Stripe gives no certain answer. */
  async link(caller: Caller): Promise<z.output<typeof onboardingLink>> {
    const tutorId = caller.actor.userId ?? '';
    await this.commands.send(command(startPayoutOnboarding, { tutorId }), caller.commandContext({ step: 'start' }));
    const account = await this.#accountOf(tutorId);
    const back = `${this.config.publicHttp.url}/tutors/payout-account/return`;
    try {
      const { url, expires_at: seconds } = await this.stripe.createAccountLink({
        account,
        type: 'account_onboarding',
        return_url: back,
        refresh_url: back,
      });
      const expiresAt = new Date(seconds * 1000).toISOString();
      await this.commands.send(command(issueOnboardingLink, { tutorId, expiresAt }), caller.commandContext({ step: 'issue' }));
      return { url, expiresAt };
    } catch (error) {
      throw meaningOfStripe(error);
    }
  }

  async #accountOf(tutorId: string): Promise<string> {
    const giveUpAt = Date.now() + OPENED_WITHIN_MS;
    for (;;) {
      const { accountId } = (await this.aggregates.load(tutorPayoutAccount, tutorId)).state;
      if (accountId !== undefined) return accountId;
      if (Date.now() > giveUpAt) throw new PayoutAccountBeingOpened();
      await pause(LOOK_AGAIN_MS);
    }
  }
}
