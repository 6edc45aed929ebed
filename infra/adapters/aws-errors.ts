import { UpstreamRefused, UpstreamUnsure, neverSent } from './upstream-errors.ts';
import type { Upstream } from './upstream-errors.ts';

/** Where AWS is and who we are; without an endpoint the region's own, without credentials the machine's role. */
export interface AwsOptions {
  region: string;
  endpoint?: string | undefined;
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** Milliseconds until an answer is given up. */
  timeoutMs?: number;
}

/** The settings of an AWS client: one attempt, since whoever calls decides about a repetition. */
export function clientSettings({ region, endpoint, credentials, timeoutMs = 10_000 }: AwsOptions) {
  return {
    region,
    maxAttempts: 1,
    requestHandler: { requestTimeout: timeoutMs, connectionTimeout: 3000, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
  };
}

/** Refusals that are about the moment, not about the request. */
const PASSING = new Set([
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'LimitExceededException',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'SlowDown',
]);

interface ServiceError extends Error {
  $metadata?: { httpStatusCode?: number };
}

/** An error of an AWS client as one of ours. */
export function awsError(upstream: Upstream, error: unknown): Error {
  const { name = 'unknown', $metadata } = error as Partial<ServiceError>;
  const status = $metadata?.httpStatusCode;
  const unsent = neverSent(error);
  if (unsent !== undefined) return new UpstreamUnsure(upstream, unsent, true, { cause: error });
  if (PASSING.has(name) || status === 429) return new UpstreamUnsure(upstream, name, true, { cause: error });
  if (status !== undefined && status >= 400 && status < 500) return new UpstreamRefused(upstream, name, status, { cause: error });
  return new UpstreamUnsure(upstream, name, false, { cause: error });
}

/** Runs a call and turns what it throws into one of our errors. */
export async function callAws<T>(upstream: Upstream, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw awsError(upstream, error);
  }
}
