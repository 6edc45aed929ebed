import { randomUUID } from 'node:crypto';
import { serveStandIn } from '../../http/server.ts';
import type { RunningStandIn, StandInAnswer, StandInRequest } from '../../http/server.ts';
import { refuseInProduction } from '../../production-guard.ts';
import { NotAuthentic, verifyRequest } from '../sigv4.ts';
import type { AwsKeys } from '../sigv4.ts';
import { xmlDocument } from '../xml.ts';
import { S3Error } from './errors.ts';
import { copyObject, deleteObject, deleteObjects, getObject, listObjects, putObject } from './operations.ts';
import { answerPost } from './post-policy.ts';
import { ObjectStore } from './store.ts';

/** What the stand-in is started with. */
export interface S3Options {
  dir: string;
  port: number;
  keys: AwsKeys;
  /** A bucket that exists from the start. */
  bucket: string;
}

const statusOf: Partial<Record<NotAuthentic['code'], number>> = { XAmzContentSHA256Mismatch: 400 };

function errorAnswer(request: StandInRequest, error: S3Error): StandInAnswer {
  const headers = { 'content-type': 'application/xml', 'x-amz-request-id': randomUUID() };
  if (request.method === 'HEAD') return { status: error.status, headers };
  const body = xmlDocument('Error', {
    Code: error.code,
    Message: error.message,
    Resource: request.rawPath,
    RequestId: headers['x-amz-request-id'],
  });
  return { status: error.status, headers, body };
}

async function answerBucket(store: ObjectStore, request: StandInRequest, bucket: string): Promise<StandInAnswer> {
  const { method, query } = request;
  if (method === 'PUT') {
    store.createBucket(bucket);
    return { status: 200, headers: { location: `/${bucket}` } };
  }
  store.requireBucket(bucket);
  if (method === 'HEAD') return { status: 200 };
  if (method === 'GET' && query.get('list-type') === '2') return listObjects(store, request, bucket);
  if (method === 'POST' && query.has('delete')) return deleteObjects(store, request, bucket);
  // S3's own answer to what a server does not offer; the product calls nothing else of a bucket.
  throw new S3Error(501, 'NotImplemented', 'The operation on the bucket is not implemented.');
}

async function answerObject(store: ObjectStore, request: StandInRequest, bucket: string, key: string): Promise<StandInAnswer> {
  if (key.length > 1024) throw new S3Error(400, 'KeyTooLongError', 'Your key is too long');
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return getObject(store, request, bucket, key);
    case 'PUT':
      return request.headers['x-amz-copy-source'] === undefined
        ? putObject(store, request, bucket, key)
        : copyObject(store, request, bucket, key);
    case 'DELETE':
      return deleteObject(store, bucket, key);
    default:
      throw new S3Error(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
  }
}

/**
 * Serves the object half of S3 on a loopback port, addressed by path: put, get, head, delete, copy, list, presigned addresses and presigned
 * posts with their conditions. Every request but a presigned post is checked for its signature; contents are on disk before the answer.
 */
export async function serveS3(options: S3Options): Promise<RunningStandIn> {
  refuseInProduction('s3');
  const store = new ObjectStore(options.dir);
  store.createBucket(options.bucket);
  const answer = async (request: StandInRequest): Promise<StandInAnswer> => {
    const [bucket = '', key = ''] = decodeURIComponent(request.rawPath.slice(1)).split(/\/(.*)/s);
    const isForm = request.method === 'POST' && key === '' && !request.query.has('delete');
    if (isForm) return answerPost(store, options.keys, request, bucket);
    verifyRequest(options.keys, 's3', request);
    return key === '' ? answerBucket(store, request, bucket) : answerObject(store, request, bucket, key);
  };
  const server = await serveStandIn('s3', options.port, async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof S3Error) return errorAnswer(request, error);
      if (error instanceof NotAuthentic) {
        const code = error.code === 'MissingAuthenticationToken' ? 'AccessDenied' : error.code;
        return errorAnswer(request, new S3Error(statusOf[error.code] ?? 403, code, error.message));
      }
      throw error;
    }
  });
  return {
    port: server.port,
    stop: async () => {
      await server.stop();
      store.close();
    },
  };
}
