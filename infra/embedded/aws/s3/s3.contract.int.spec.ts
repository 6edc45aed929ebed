import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ELSEWHERE, awsUnderTest } from '../harness.ts';
import type { AwsUnderTest } from '../harness.ts';

let aws: AwsUnderTest;
let s3: S3Client;
const client = (credentials = aws.credentials) =>
  new S3Client({ region: aws.region, endpoint: aws.endpoints.s3, forcePathStyle: true, credentials, maxAttempts: 1 });
const failureName = (call: Promise<unknown>) =>
  call.then(
    () => 'nothing',
    (error: Error) => error.name,
  );

beforeAll(async () => {
  aws = await awsUnderTest();
  s3 = client();
});
afterAll(() => aws.stop());

const put = (Key: string, Body: string | Readable, more: object = {}) =>
  s3.send(new PutObjectCommand({ Bucket: aws.bucket, Key, Body, ...more }));
const text = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket: aws.bucket, Key }))).Body?.transformToString();

describe('S3: objects', () => {
  it.each([
    ['a text', 'notes/one.txt', 'hello'],
    ['a key with blanks, signs and letters beyond ASCII', 'notes/ä b+c&d=(1)!.txt', 'größe'],
  ])('gives back %s', async (_what, key, content) => {
    await put(key, content, { ContentType: 'text/plain', Metadata: { owner: 'tutor-1' } });
    expect(await text(key)).toBe(content);
    expect(await s3.send(new HeadObjectCommand({ Bucket: aws.bucket, Key: key }))).toMatchObject({
      ContentLength: Buffer.byteLength(content),
      ContentType: 'text/plain',
      Metadata: { owner: 'tutor-1' },
      ETag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
  });

  it('takes a stream, and gives a part of it', async () => {
    await put('streamed', Readable.from([Buffer.from('0123456789')]), { ContentLength: 10 });
    const part = await s3.send(new GetObjectCommand({ Bucket: aws.bucket, Key: 'streamed', Range: 'bytes=2-5' }));
    expect([await part.Body?.transformToString(), part.ContentRange]).toEqual(['2345', 'bytes 2-5/10']);
  });

  it('says by name what is missing', async () => {
    expect(await failureName(text('nothing-here'))).toBe('NoSuchKey');
    expect(await failureName(s3.send(new HeadObjectCommand({ Bucket: aws.bucket, Key: 'nothing-here' })))).toBe('NotFound');
    expect(await failureName(s3.send(new GetObjectCommand({ Bucket: 'no-such-bucket', Key: 'x' })))).toBe('NoSuchBucket');
  });

  it('copies, lists in pages and by folder, and deletes', async () => {
    for (const name of ['a', 'b/1', 'b/2', 'c']) await put(`tree/${name}`, name);
    await s3.send(new CopyObjectCommand({ Bucket: aws.bucket, Key: 'tree/d', CopySource: `${aws.bucket}/tree/a` }));
    expect(await text('tree/d')).toBe('a');
    const folders = await s3.send(new ListObjectsV2Command({ Bucket: aws.bucket, Prefix: 'tree/', Delimiter: '/' }));
    expect([folders.Contents?.map(({ Key }) => Key), folders.CommonPrefixes]).toEqual([
      ['tree/a', 'tree/c', 'tree/d'],
      [{ Prefix: 'tree/b/' }],
    ]);
    const keys: (string | undefined)[] = [];
    for (let token: string | undefined, page = 0; page < 5; page++) {
      const found = await s3.send(new ListObjectsV2Command({ Bucket: aws.bucket, Prefix: 'tree/', MaxKeys: 2, ContinuationToken: token }));
      keys.push(...(found.Contents ?? []).map(({ Key }) => Key));
      token = found.NextContinuationToken;
      if (token === undefined) break;
    }
    expect(keys).toEqual(['tree/a', 'tree/b/1', 'tree/b/2', 'tree/c', 'tree/d']);
    await s3.send(new DeleteObjectsCommand({ Bucket: aws.bucket, Delete: { Objects: [{ Key: 'tree/a' }, { Key: 'tree/b/1' }] } }));
    expect((await s3.send(new ListObjectsV2Command({ Bucket: aws.bucket, Prefix: 'tree/' }))).KeyCount).toBe(3);
  });
});

describe('S3: presigned requests', () => {
  it('uploads and downloads by an address alone', async () => {
    const up = await getSignedUrl(s3, new PutObjectCommand({ Bucket: aws.bucket, Key: 'signed/file' }), { expiresIn: 60 });
    expect((await fetch(up, { method: 'PUT', body: 'by address' })).status).toBe(200);
    const down = await getSignedUrl(
      s3,
      new GetObjectCommand({ Bucket: aws.bucket, Key: 'signed/file', ResponseContentDisposition: 'attachment' }),
      { expiresIn: 60 },
    );
    const answer = await fetch(down);
    expect([await answer.text(), answer.headers.get('content-disposition')]).toEqual(['by address', 'attachment']);
    // The order of what stands in an address does not matter.
    const [base, query = ''] = down.split('?');
    expect((await fetch(`${base}?${query.split('&').reverse().join('&')}`)).status).toBe(200);
  });

  const upload = async (fields: Record<string, string>, url: string, content: string): Promise<number> => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append('file', new Blob([content]));
    const answer = await fetch(url, { method: 'POST', body: form });
    await answer.arrayBuffer();
    return answer.status;
  };
  const post = (Key: string) =>
    createPresignedPost(s3, {
      Bucket: aws.bucket,
      Key,
      Expires: 60,
      Fields: { 'Content-Type': 'application/pdf' },
      Conditions: [
        ['content-length-range', 1, 10],
        ['eq', '$Content-Type', 'application/pdf'],
      ],
    });

  it('takes an upload by form that keeps to its conditions', async () => {
    const { url, fields } = await post('posted/fits.pdf');
    expect(await upload(fields, url, '0123456789')).toBe(204);
    expect(await s3.send(new HeadObjectCommand({ Bucket: aws.bucket, Key: 'posted/fits.pdf' }))).toMatchObject({
      ContentLength: 10,
      ContentType: 'application/pdf',
    });
  });

  // The other implementation checks neither the conditions nor the signatures of forms.
  const strict = ELSEWHERE
    ? []
    : [
        { what: 'is too long', content: '0123456789x', change: {}, status: 400 },
        { what: 'is empty', content: '', change: {}, status: 400 },
        { what: 'has another type', content: 'x', change: { 'Content-Type': 'text/html' }, status: 403 },
        { what: 'has another key', content: 'x', change: { key: 'elsewhere.pdf' }, status: 403 },
        { what: 'has a field that the policy does not name', content: 'x', change: { acl: 'public-read' }, status: 403 },
        { what: 'has a forged signature', content: 'x', change: { 'X-Amz-Signature': '0'.repeat(64) }, status: 403 },
      ];
  for (const { what, content, change, status } of strict) {
    it(`refuses an upload by form that ${what}`, async () => {
      const { url, fields } = await post('posted/refused.pdf');
      expect(await upload({ ...fields, ...change }, url, content)).toBe(status);
      expect(await failureName(s3.send(new HeadObjectCommand({ Bucket: aws.bucket, Key: 'posted/refused.pdf' })))).toBe('NotFound');
    });
  }

  if (!ELSEWHERE) {
    it('refuses unsigned requests, foreign keys, wrong secrets, changed and outdated addresses', async () => {
      await put('secret', 'x');
      const bare = `${aws.endpoints.s3}/${aws.bucket}/secret`;
      expect((await fetch(bare)).status).toBe(403);
      const command = () => new GetObjectCommand({ Bucket: aws.bucket, Key: 'secret' });
      expect(await failureName(client({ ...aws.credentials, accessKeyId: 'AKIAFOREIGN' }).send(command()))).toBe('InvalidAccessKeyId');
      expect(await failureName(client({ ...aws.credentials, secretAccessKey: 'wrong' }).send(command()))).toBe('SignatureDoesNotMatch');
      const url = await getSignedUrl(s3, command(), { expiresIn: 60 });
      expect((await fetch(url.replace('/secret?', '/streamed?'))).status).toBe(403);
      const old = await getSignedUrl(s3, command(), { expiresIn: 60, signingDate: new Date(Date.now() - 61_000) });
      expect((await fetch(old)).status).toBe(403);
    });
  }
});
