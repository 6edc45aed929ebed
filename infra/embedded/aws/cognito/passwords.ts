import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { CognitoError } from './errors.ts';

const LENGTH = 32;
const LEAST = 8;
const MOST = 256;

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password.normalize('NFKC'), salt, LENGTH, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    }),
  );
}

/** The salted scrypt hash of a password. Refuses one that the pool's policy does not allow (8 to 256 characters, no outer blanks). */
export async function hashPassword(password: string): Promise<string> {
  if (password.length < LEAST || password.length > MOST) {
    throw new CognitoError('InvalidPasswordException', 'Password did not conform with policy: Password not long enough');
  }
  if (password.trim() !== password) {
    throw new CognitoError('InvalidPasswordException', 'Password did not conform with policy: Password must not begin or end with a space');
  }
  const salt = randomBytes(16);
  return `${salt.toString('base64')}:${(await derive(password, salt)).toString('base64')}`;
}

/** Whether a password has that hash. Without a hash it takes as long, so that the time does not tell whether the user exists. */
export async function passwordFits(password: string, hash: string | undefined): Promise<boolean> {
  const [salt, wanted] = (hash ?? `${Buffer.alloc(16).toString('base64')}:${Buffer.alloc(LENGTH).toString('base64')}`)
    .split(':')
    .map((part) => Buffer.from(part, 'base64'));
  if (!salt || !wanted) return false;
  return timingSafeEqual(await derive(password, salt), wanted) && hash !== undefined;
}
