import { z } from 'zod';
import type { StandInAnswer, StandInRequest } from '../../http/server.ts';
import { verifyPolicy } from '../sigv4.ts';
import type { AwsKeys } from '../sigv4.ts';
import { xmlDocument } from '../xml.ts';
import { keptHeaders } from './body.ts';
import { S3Error } from './errors.ts';
import type { ObjectStore } from './store.ts';

const condition = z.union([
  z.tuple([z.literal('content-length-range'), z.number(), z.number()]),
  z.tuple([z.enum(['eq', 'starts-with']), z.string(), z.string()]),
  z.record(z.string(), z.string()),
]);
const policySchema = z.object({ expiration: z.string(), conditions: z.array(condition) });

/** Fields that a policy need not name. */
const EXEMPT = new Set(['policy', 'x-amz-signature', 'file']);

const denied = (reason: string): S3Error => new S3Error(403, 'AccessDenied', `Invalid according to Policy: ${reason}`);

function checkSize(size: number, least: number, most: number): void {
  if (size < least) throw new S3Error(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
  if (size > most) throw new S3Error(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
}

/** Every condition must hold, and every field must be named by a condition. */
function checkConditions(conditions: z.output<typeof condition>[], fields: Map<string, string>, size: number): void {
  const named = new Set<string>();
  const check = (kind: 'eq' | 'starts-with', rawName: string, value: string): void => {
    const name = rawName.replace(/^\$/, '').toLowerCase();
    named.add(name);
    const given = fields.get(name) ?? '';
    if (kind === 'eq' ? given !== value : !given.startsWith(value))
      throw denied(`Policy Condition failed: ["${kind}", "$${name}", "${value}"]`);
  };
  for (const rule of conditions) {
    if (!Array.isArray(rule)) for (const [name, value] of Object.entries(rule)) check('eq', name, value);
    else if (rule[0] === 'content-length-range') checkSize(size, rule[1], rule[2]);
    else check(rule[0], rule[1], rule[2]);
  }
  const extra = [...fields.keys()].filter(
    (name) => !named.has(name) && !EXEMPT.has(name) && name !== 'bucket' && !name.startsWith('x-ignore-'),
  );
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(', ')}`);
}

/** A browser's upload with a form whose policy was signed in advance. */
export async function answerPost(store: ObjectStore, keys: AwsKeys, request: StandInRequest, bucket: string): Promise<StandInAnswer> {
  store.requireBucket(bucket);
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data'))
    throw new S3Error(412, 'PreconditionFailed', 'Bucket POST must be of the enclosure-type multipart/form-data');
  const form = await new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData();
  const fields = new Map<string, string>([['bucket', bucket]]);
  for (const [name, value] of form) if (typeof value === 'string') fields.set(name.toLowerCase(), value);
  const file = form.get('file');
  if (file === null) throw new S3Error(400, 'InvalidArgument', 'POST requires exactly one file upload per request.');
  const content = typeof file === 'string' ? Buffer.from(file) : Buffer.from(await file.arrayBuffer());

  const policy = fields.get('policy');
  const signature = fields.get('x-amz-signature');
  if (policy === undefined || signature === undefined) throw new S3Error(403, 'AccessDenied', 'Access Denied');
  verifyPolicy(keys, { policy, signature, credential: fields.get('x-amz-credential') ?? '' });
  const { expiration, conditions } = policySchema.parse(JSON.parse(Buffer.from(policy, 'base64').toString('utf8')));
  if (!(Date.parse(expiration) > Date.now())) throw denied('Policy expired.');
  checkConditions(conditions, fields, content.length);

  const fileName = typeof file === 'string' ? '' : file.name;
  const key = (fields.get('key') ?? '').replaceAll('${filename}', fileName);
  const entry = await store.put(bucket, key, content, keptHeaders(Object.fromEntries(fields)));
  const headers = { etag: entry.etag, location: `/${bucket}/${encodeURIComponent(key)}` };
  const status = Number(fields.get('success_action_status') ?? 204);
  if (status !== 201) return { status: status === 200 ? 200 : 204, headers };
  const body = xmlDocument('PostResponse', { Location: headers.location, Bucket: bucket, Key: key, ETag: entry.etag });
  return { status, headers: { ...headers, 'content-type': 'application/xml' }, body };
}
