import { z } from 'zod';
import { APPROVED_UNDER_13, CONSENT_VALID_FOR, NOTICE_VERSION, scope, type Scope } from '#domain/identity/parent-consent.messages.ts';
import { DAY } from '#domain/kernel/time.ts';

/** What each scope means, in the words that a parent is shown. Changed in substance: raise NOTICE_VERSION. */
const MEANING: Readonly<Record<Scope, string>> = {
  account: 'Keep an account and a profile: name, grade, subjects of interest. Nothing else works without it.',
  messaging: 'Exchange messages and files with tutors who have accepted a request.',
  video: 'Take part in video lessons. Picture and sound go through the video service Agora, which knows the child by a number only.',
  recording: 'Record lessons, kept for 30 days for student, parent and tutor. Recommended only if you want to watch them.',
  payment: 'Pay for lessons by card. The payment service Stripe knows who pays.',
};

export const consentNotice = z.object({
  studentId: z.string(),
  child: z.string().nullable().describe('The name that the child goes by, when known.'),
  status: z.enum(['Requested', 'Granted', 'Denied', 'Expired', 'Revoked']),
  noticeVersion: z.string(),
  expiresAt: z.iso.datetime(),
  scopes: z.array(z.object({ scope, meaning: z.string(), granted: z.boolean(), asked: z.boolean() })),
  rights: z.array(z.string()),
});
export type ConsentNotice = z.output<typeof consentNotice>;

const WHILE_OPEN = [
  'Until you answer we keep only the account, the date of birth and your e-mail address.',
  `Without an answer the request ends after ${CONSENT_VALID_FOR / DAY} days.`,
  `For a child under 13 we must verify who you are in another way than by mail (${APPROVED_UNDER_13.join(', ').replaceAll('_', ' ')}); please write to us.`,
];
const RIGHTS = [
  'You may see, take along and delete what we keep of your child, and take your consent back at any time, in whole or for single purposes.',
];

/** The notice of a request as it stands. */
export function noticeOf(request: {
  studentId: string;
  child: string | null;
  status: ConsentNotice['status'];
  expiresAt: string;
  asked: readonly Scope[];
  granted: readonly Scope[];
}): ConsentNotice {
  const { studentId, child, status, expiresAt, asked, granted } = request;
  const scopes = scope.options.map((one) => ({
    scope: one,
    meaning: MEANING[one],
    granted: granted.includes(one),
    asked: asked.includes(one),
  }));
  return {
    studentId,
    child,
    status,
    noticeVersion: NOTICE_VERSION,
    expiresAt,
    scopes,
    rights: status === 'Requested' ? [...RIGHTS, ...WHILE_OPEN] : RIGHTS,
  };
}
