import type { Instant } from '#domain/kernel/time.ts';

/** Who reads a mail, and what a template may say of the person. */
export interface Reader {
  /** Absent for a parent, of whom only the address is known. */
  readonly name?: string | undefined;
  readonly timeZone: string;
  /** The other person that a mail is about, such as the tutor of a lesson. */
  readonly other?: { readonly name?: string | undefined; readonly timeZone: string } | undefined;
  /** Where clients reach the platform, without a slash at the end. */
  readonly publicUrl: string;
  /** The token of the link, for templates that hold one. */
  readonly token?: string | undefined;
}

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

/** What a template is filled with: ids, numbers and instants as text; see `params` of each. */
export type MailParams = Readonly<Record<string, string>>;

interface Template {
  /** The names of the params that it needs. */
  readonly params: readonly string[];
  /** Paragraphs between greeting and farewell. */
  write(params: MailParams, reader: Reader): { readonly subject: string; readonly paragraphs: readonly string[] };
}

const need = (params: MailParams, name: string): string => {
  const value = params[name];
  if (value === undefined) throw new Error(`The mail lacks ${name}`);
  return value;
};

/** A moment on the reader's clock and, when it differs, on the other person's. */
export function momentFor(reader: Reader, instant: Instant): string {
  const on = (timeZone: string) =>
    `${new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'full', timeStyle: 'short' }).format(Date.parse(instant))} (${timeZone})`;
  const { other } = reader;
  return other === undefined || other.timeZone === reader.timeZone
    ? on(reader.timeZone)
    : `${on(reader.timeZone)}, which is ${on(other.timeZone)}`;
}

const REASONS: Readonly<Record<string, string>> = {
  unreadable: 'we could not read it',
  expired: 'it is out of date',
  not_recognised: 'we could not recognise who issued it',
  name_mismatch: 'the name on it is not the name of the account',
  insufficient: 'it does not cover what you want to teach',
  inappropriate: 'something in it does not fit our rules',
  identity_unclear: 'we could not be sure who you are',
  other: 'our reviewer had a question about it',
};

/** `degree:unreadable,profile:inappropriate` as one line for each. */
function reasonsFrom(text: string): string {
  const lines = text.split(',').flatMap((pair) => {
    const [item = '', code = ''] = pair.split(':');
    return item === '' ? [] : [`- ${item}: ${REASONS[code] ?? 'our reviewer had a question about it'}`];
  });
  return lines.join('\n');
}

const BOOKING_FAILURES: Readonly<Record<string, string>> = {
  slot_taken: 'the time was taken by somebody else',
  payment_failed: 'the payment did not go through',
  hold_expired: 'no payment reached us in time',
  payment_mismatch: 'the payment did not match the price',
};

/** Every mail of the platform: plain text, no picture, nothing that reports that it was read. */
export const mailTemplates = {
  'verify-email': {
    params: [],
    write: (_, { publicUrl, token }) => ({
      subject: 'Please confirm your e-mail address',
      paragraphs: [
        'welcome to Chalkstream. Please confirm that this address is yours:',
        `${publicUrl}/auth/verify-email?token=${token}`,
        'The link works for 24 hours. If you did not register, you need not do anything: the registration then ends by itself.',
      ],
    }),
  },
  'email-already-registered': {
    params: [],
    write: (_, { publicUrl }) => ({
      subject: 'You have an account already',
      paragraphs: [
        'somebody, perhaps you, just tried to register at Chalkstream with this address. It has an account already, so nothing has changed.',
        `If you have forgotten your password, you can set a new one at ${publicUrl}/. If it was not you, you need not do anything.`,
      ],
    }),
  },
  'parent-consent': {
    params: ['requestId', 'expiresAt'],
    write: (params, reader) => ({
      subject: 'Your child would like to learn at Chalkstream',
      paragraphs: [
        'a young person has named you as parent or guardian, and would like to take lessons with tutors at Chalkstream. Because the person is under 18, we need your consent first; until you give it we keep nothing but the account, the date of birth and your address.',
        'Please read what we would collect and what for, and decide for each purpose:',
        `${reader.publicUrl}/consents/${reader.token}/page`,
        `You can answer until ${momentFor(reader, need(params, 'expiresAt'))}. You may take your consent back at any time with the same link.`,
      ],
    }),
  },
  'parent-consent-reminder': {
    params: ['requestId', 'expiresAt'],
    write: (params, reader) => ({
      subject: 'A reminder: your child is waiting for your decision',
      paragraphs: [
        'we wrote to you because a young person who named you as parent or guardian would like to take lessons at Chalkstream. You can read what it is about, and say yes or no, here:',
        `${reader.publicUrl}/consents/${reader.token}/page`,
        `The request ends on ${momentFor(reader, need(params, 'expiresAt'))}. If you do not know what this is about, you need not do anything.`,
      ],
    }),
  },
  'consent-granted': {
    params: [],
    write: () => ({
      subject: 'You can go on',
      paragraphs: [
        'good news: your parent or guardian has agreed that you use Chalkstream. Please complete your profile now, so that you can look for a tutor.',
      ],
    }),
  },
  'consent-not-granted': {
    params: [],
    write: () => ({
      subject: 'Your parent or guardian has not agreed',
      paragraphs: [
        'your parent or guardian did not agree, or did not answer in time, so you cannot use Chalkstream for now. You may ask again after you have talked about it.',
      ],
    }),
  },
  'tutor-approved': {
    params: [],
    write: () => ({
      subject: 'Your profile is approved',
      paragraphs: [
        'we have reviewed what you sent us, and everything is in order. Students can find you now. Please set the hours at which you teach, so that they can book.',
      ],
    }),
  },
  'tutor-rejected': {
    params: ['reasons'],
    write: (params) => ({
      subject: 'Your profile needs some more work',
      paragraphs: [
        'thank you for applying. We could not approve your profile this time:',
        reasonsFrom(need(params, 'reasons')),
        'Please mend these points and submit it again. We are looking forward to it.',
      ],
    }),
  },
  'more-information-asked': {
    params: ['reasons'],
    write: (params) => ({
      subject: 'A question about your application',
      paragraphs: [
        'we are reviewing your profile and need your help with this:',
        reasonsFrom(need(params, 'reasons')),
        'Please upload what is missing and tell us when it is there. The review waits for you.',
      ],
    }),
  },
  'connection-request-received': {
    params: ['subject', 'level', 'expiresAt'],
    write: (params, reader) => ({
      subject: 'A student would like to learn with you',
      paragraphs: [
        `a student asks for lessons in ${need(params, 'subject')} (${need(params, 'level')}).`,
        `Please answer until ${momentFor(reader, need(params, 'expiresAt'))}; after that the request ends by itself.`,
      ],
    }),
  },
  'connection-request-reminder': {
    params: ['subject', 'level', 'expiresAt'],
    write: (params, reader) => ({
      subject: 'A student is still waiting for your answer',
      paragraphs: [
        `a student asked you for lessons in ${need(params, 'subject')} (${need(params, 'level')}) and has not heard from you.`,
        `The request ends by itself on ${momentFor(reader, need(params, 'expiresAt'))}.`,
      ],
    }),
  },
  'connection-request-expired': {
    params: [],
    write: (_, { other }) => ({
      subject: 'Your request has run out',
      paragraphs: [
        `${other?.name ?? 'the tutor'} did not answer your request within 24 hours, so it has ended. You can ask again, or ask another tutor.`,
      ],
    }),
  },
  'lesson-reminder': {
    params: ['startsAt'],
    write: (params, reader) => ({
      subject: 'Your lesson is near',
      paragraphs: [
        `your lesson${reader.other?.name === undefined ? '' : ` with ${reader.other.name}`} begins on ${momentFor(reader, need(params, 'startsAt'))}.`,
        'The room opens 15 minutes before.',
      ],
    }),
  },
  'booking-failed': {
    params: ['reason'],
    write: (params, { other }) => ({
      subject: 'Your booking did not work out',
      paragraphs: [
        `your booking${other?.name === undefined ? '' : ` with ${other.name}`} could not be completed: ${BOOKING_FAILURES[need(params, 'reason')] ?? 'something went wrong'}. If you have paid, the money goes back to you in full.`,
        'The time may still be free, or another one: you can book again.',
      ],
    }),
  },
  'connection-accepted': {
    params: [],
    write: (_, { other }) => ({
      subject: 'Your tutor said yes',
      paragraphs: [`${other?.name ?? 'the tutor'} has accepted your request. You can write to each other now, and book a lesson.`],
    }),
  },
  'lesson-confirmed': {
    params: ['startsAt', 'minutes'],
    write: (params, reader) => ({
      subject: 'Your lesson is confirmed',
      paragraphs: [
        `your lesson${reader.other?.name === undefined ? '' : ` with ${reader.other.name}`} is confirmed for ${momentFor(reader, need(params, 'startsAt'))}. It takes ${need(params, 'minutes')} minutes.`,
        'The room opens 15 minutes before.',
      ],
    }),
  },
} as const satisfies Record<string, Template>;

export type MailTemplateName = keyof typeof mailTemplates;
export const mailTemplateNames = Object.keys(mailTemplates) as [MailTemplateName, ...MailTemplateName[]];

/** The mail of a template. Throws when a param is missing. */
export function writeMail(template: MailTemplateName, params: MailParams, reader: Reader): Letter {
  const { subject, paragraphs } = (mailTemplates[template] as Template).write(params, reader);
  const greeting = reader.name === undefined ? 'Hello,' : `Hello ${reader.name},`;
  return { subject, text: [greeting, ...paragraphs, 'Kind regards\nChalkstream'].join('\n\n') + '\n' };
}
