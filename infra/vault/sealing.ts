import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Making a key object of bytes costs as much as encrypting a short text. Goes with the bytes. */
const keyObjects = new WeakMap<Buffer, KeyObject>();

function keyObjectOf(key: Buffer): KeyObject {
  let object = keyObjects.get(key);
  if (object === undefined) keyObjects.set(key, (object = createSecretKey(key)));
  return object;
}

/** Random bytes are fetched for many nonces at once: asking the system for twelve costs as much as for a thousand. */
const NONCES_AT_ONCE = 256;
let nonces = Buffer.alloc(0);

function freshNonce(): Buffer {
  if (nonces.length < IV_BYTES) nonces = randomBytes(IV_BYTES * NONCES_AT_ONCE);
  const nonce = nonces.subarray(0, IV_BYTES);
  nonces = nonces.subarray(IV_BYTES);
  return nonce;
}

/** Encrypts with AES-256-GCM under a fresh nonce; the answer is nonce, tag and ciphertext. `boundTo` must be the same at opening. */
export function seal(plain: Buffer, key: Buffer, boundTo: string): Buffer {
  const iv = freshNonce();
  const cipher = createCipheriv(ALGORITHM, keyObjectOf(key), iv);
  cipher.setAAD(Buffer.from(boundTo));
  // Galois/counter mode has no blocks to fill: the text is complete after `update`.
  const text = cipher.update(plain);
  cipher.final();
  return Buffer.concat([iv, cipher.getAuthTag(), text], IV_BYTES + TAG_BYTES + text.length);
}

/** Decrypts what {@link seal} made. Throws when key, place or content are not the same. */
export function open(sealed: Buffer, key: Buffer, boundTo: string): Buffer {
  const decipher = createDecipheriv(ALGORITHM, keyObjectOf(key), sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(boundTo));
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
}
