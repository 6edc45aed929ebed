import { join } from 'node:path';
import { SESClient, SendEmailCommand } from '@aws-sdk/client-ses';
import { serveAgora } from '../agora/serve.ts';
import { serveCognito } from '../aws/cognito/serve.ts';
import { serveS3 } from '../aws/s3/serve.ts';
import { serveSes } from '../aws/ses/serve.ts';
import type { AwsKeys } from '../aws/sigv4.ts';
import type { RunningStandIn } from '../http/server.ts';
import { LOOPBACK } from '../loopback.ts';
import { AWS_REGION, S3_BUCKET, SES_FROM, SES_WEBHOOK_USER } from '../peer-variables.ts';
import type { PeerSecrets } from '../secrets.ts';
import { serveStripe } from '../stripe/serve.ts';
import { serveUnderParent } from '../supervision/child.ts';
import { awaitRelease, writePidFile } from '../supervision/pid-file.ts';
import type { StandInName, StandInPorts } from './names.ts';

/** What the process of the stand-ins is told. */
export interface StandInsInput {
  dir: string;
  servedPid: number;
  names: StandInName[];
  /** The ports of the last run, used again where they are free. */
  ports: Partial<StandInPorts>;
  secrets: PeerSecrets;
}

interface Start {
  dir: string;
  port: number;
  secrets: PeerSecrets;
  /** Where another stand-in of this process listens, once all have started. */
  addressOf(name: StandInName): string | undefined;
}

const awsKeys = (secrets: PeerSecrets): AwsKeys => ({ accessKeyId: secrets.awsAccessKeyId, secretAccessKey: secrets.awsSecretAccessKey });

/** Codes of the user pool go out as mail, as they do from the real one. */
function codeSender({ secrets, addressOf }: Start): (email: string, code: string) => Promise<void> {
  return async (email, code) => {
    const endpoint = addressOf('ses');
    if (endpoint === undefined) throw new Error('a code is to be mailed, and no mail service runs');
    const client = new SESClient({ region: AWS_REGION, endpoint, credentials: { ...awsKeys(secrets) } });
    const Message = { Subject: { Data: 'Your password reset code' }, Body: { Text: { Data: `Your password reset code is ${code}` } } };
    await client.send(new SendEmailCommand({ Source: SES_FROM, Destination: { ToAddresses: [email] }, Message }));
    client.destroy();
  };
}

const starters: Record<StandInName, (start: Start) => Promise<RunningStandIn>> = {
  stripe: ({ dir, port, secrets }) =>
    serveStripe({
      dir,
      port,
      secretKey: secrets.stripeSecretKey,
      publishableKey: secrets.stripePublishableKey,
      webhookSecret: secrets.stripeWebhookSecret,
      connectWebhookSecret: secrets.stripeConnectWebhookSecret,
    }),
  ses: ({ dir, port, secrets }) =>
    serveSes({
      dir,
      port,
      keys: awsKeys(secrets),
      verifiedSenders: [SES_FROM],
      webhookUser: SES_WEBHOOK_USER,
      webhookPassword: secrets.sesWebhookPassword,
    }),
  s3: ({ dir, port, secrets }) => serveS3({ dir, port, keys: awsKeys(secrets), bucket: S3_BUCKET }),
  cognito: (start) =>
    serveCognito({
      dir: start.dir,
      port: start.port,
      keys: awsKeys(start.secrets),
      poolId: start.secrets.cognitoUserPoolId,
      clientId: start.secrets.cognitoClientId,
      sendCode: codeSender(start),
    }),
  agora: ({ dir, port, secrets, addressOf }) =>
    serveAgora({
      dir,
      port,
      appId: secrets.agoraAppId,
      appCertificate: secrets.agoraAppCertificate,
      customerId: secrets.agoraCustomerId,
      customerSecret: secrets.agoraCustomerSecret,
      webhookSecret: secrets.agoraWebhookSecret,
      storageEndpoint: () => addressOf('s3'),
    }),
};

serveUnderParent<StandInsInput, Partial<StandInPorts>>(async ({ dir, servedPid, names, ports, secrets }) => {
  // After a kill -9 of the application the process of the last run may still be leaving.
  const pidFile = join(dir, 'stand-ins.pid');
  await awaitRelease(pidFile);
  writePidFile(pidFile, servedPid, 'stand-ins/process');
  const bound: Partial<StandInPorts> = {};
  const addressOf = (name: StandInName): string | undefined =>
    bound[name] === undefined ? undefined : `http://${LOOPBACK}:${bound[name]}`;
  const running = await Promise.all(
    names.map(async (name) => {
      const standIn = await starters[name]({ dir: join(dir, name), port: ports[name] ?? 0, secrets, addressOf });
      bound[name] = standIn.port;
      return standIn;
    }),
  );
  return {
    ready: bound,
    stop: async () => {
      await Promise.all(running.map((standIn) => standIn.stop()));
    },
  };
});
