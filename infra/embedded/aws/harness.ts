import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { SESClient, VerifyEmailIdentityCommand } from '@aws-sdk/client-ses';
import { LOOPBACK } from '../loopback.ts';
import { serveCognito } from './cognito/serve.ts';
import { serveS3 } from './s3/serve.ts';
import { serveSes } from './ses/serve.ts';

/** Another implementation of AWS that the contract tests run against when it is named. */
export const ELSEWHERE = process.env['AWS_CONTRACT_ENDPOINT'];

const keys = { accessKeyId: 'AKIACONTRACT00000000', secretAccessKey: 'contract-secret' };
const REGION = 'eu-central-1';
const SENDER = 'hello@example.com';
const BUCKET = 'contract-files';
const WEBHOOK = { webhookUser: 'ses', webhookPassword: 'notices' };

/** What a contract test needs to make clients, whoever answers them. */
export interface AwsUnderTest {
  region: string;
  credentials: typeof keys;
  endpoints: { ses: string; s3: string; cognito: string };
  sender: string;
  bucket: string;
  userPoolId: string;
  clientId: string;
  /** The codes that the user pool has sent, by address; empty elsewhere. */
  codes: Map<string, string>;
  stop(): Promise<void>;
}

async function standIns(): Promise<AwsUnderTest> {
  const dir = mkdtempSync(join(tmpdir(), 'aws-spec-'));
  const codes = new Map<string, string>();
  const pool = { userPoolId: `${REGION}_contract`, clientId: 'contractclient' };
  const ses = await serveSes({ dir: join(dir, 'ses'), port: 0, keys, verifiedSenders: [SENDER], ...WEBHOOK });
  const s3 = await serveS3({ dir: join(dir, 's3'), port: 0, keys, bucket: BUCKET });
  const cognito = await serveCognito({
    dir: join(dir, 'cognito'),
    port: 0,
    keys,
    poolId: pool.userPoolId,
    clientId: pool.clientId,
    sendCode: async (email, code) => void codes.set(email, code),
  });
  const at = ({ port }: { port: number }): string => `http://${LOOPBACK}:${port}`;
  return {
    region: REGION,
    credentials: keys,
    endpoints: { ses: at(ses), s3: at(s3), cognito: at(cognito) },
    sender: SENDER,
    bucket: BUCKET,
    ...pool,
    codes,
    stop: async () => {
      await Promise.all([ses.stop(), s3.stop(), cognito.stop()]);
      rmSync(dir, { recursive: true });
    },
  };
}

/** Makes in the other implementation what the stand-ins have from the start. */
async function elsewhere(endpoint: string): Promise<AwsUnderTest> {
  // Several runs, or spec files, may share the other implementation.
  const bucket = `${BUCKET}-${randomUUID()}`;
  const settings = { region: REGION, credentials: keys, endpoint };
  await new SESClient(settings).send(new VerifyEmailIdentityCommand({ EmailAddress: SENDER }));
  const location = { LocationConstraint: REGION } as const;
  await new S3Client({ ...settings, forcePathStyle: true }).send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: location }),
  );
  const cognito = new CognitoIdentityProviderClient(settings);
  const Schema = ['role', 'user_id'].map((Name) => ({ Name, AttributeDataType: 'String' as const, Mutable: true }));
  const { UserPool } = await cognito.send(
    new CreateUserPoolCommand({ PoolName: 'contract', Schema, Policies: { PasswordPolicy: { MinimumLength: 8 } } }),
  );
  const UserPoolId = UserPool?.Id ?? '';
  const flows = ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const;
  const { UserPoolClient } = await cognito.send(
    new CreateUserPoolClientCommand({
      UserPoolId,
      ClientName: 'contract',
      ExplicitAuthFlows: [...flows],
      PreventUserExistenceErrors: 'ENABLED',
    }),
  );
  return {
    region: REGION,
    credentials: keys,
    endpoints: { ses: endpoint, s3: endpoint, cognito: endpoint },
    sender: SENDER,
    bucket,
    userPoolId: UserPoolId,
    clientId: UserPoolClient?.ClientId ?? '',
    codes: new Map(),
    stop: () => Promise.resolve(),
  };
}

/** The stand-ins in this process, or the implementation that is named. */
export function awsUnderTest(): Promise<AwsUnderTest> {
  return ELSEWHERE ? elsewhere(ELSEWHERE) : standIns();
}
