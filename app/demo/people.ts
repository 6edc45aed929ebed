import { randomUUID } from 'node:crypto';
import { Api } from './api.ts';
import type { Operator } from './operator.ts';
import { Socket } from './socket.ts';

/** Somebody who uses the platform, with an app of their own. */
export interface Person {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly api: Api;
  readonly socket: Socket;
  userId: string;
}

/** Where the people of a story live: the platform's address, the operator for mails and time, and a mark that keeps runs apart. */
export interface World {
  readonly publicUrl: string;
  readonly operator: Operator;
  /** Part of every e-mail address, so that a story can be played again on the same data. */
  readonly run: string;
}

export function newPerson(world: World, name: string): Person {
  const api = new Api(world.publicUrl);
  const email = `${name.toLowerCase().replaceAll(/[^a-z]+/g, '.')}.${world.run}@example.org`;
  return { name, email, password: `${randomUUID()}-aA1`, api, socket: new Socket(api), userId: '' };
}

/** Registers, opens the link of the mail as a person does, and signs in. */
export async function join(world: World, person: Person, role: 'student' | 'tutor', timeZone: string): Promise<void> {
  const { api, email, password, name } = person;
  await api.post('/auth/register', {
    email,
    password,
    role,
    timeZone,
    locale: 'en-GB',
    ...(role === 'tutor' ? { displayName: name } : {}),
  });
  const mail = await world.operator.mailTo(email, 'confirm your e-mail address');
  await api.post('/auth/verify-email', { token: tokenIn(mail) });
  await signIn(person);
}

/** Signs in; waits for a moment while the log-in of a fresh account is being confirmed. */
export async function signIn(person: Person): Promise<void> {
  const { accessToken } = await person.api.patiently(
    () => person.api.post<{ accessToken: string }>('/auth/login', { email: person.email, password: person.password }),
    ['email_not_verified', 'invalid_credentials', 'account_not_active'],
  );
  person.api.token = accessToken;
  person.userId = (await person.api.until<string, { userId?: string }>('/users/profile', ({ userId }) => userId)) ?? '';
}

/** The token in the link of a mail. */
export function tokenIn(mail: string): string {
  const found = /[?/=]([\w-]{64})(?![\w-])/.exec(mail);
  if (found === null) throw new Error(`there is no link in the mail:\n${mail}`);
  return found[1]!;
}
