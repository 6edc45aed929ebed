import { serveStandIn } from '../../http/server.ts';
import type { RunningStandIn, StandInAnswer, StandInRequest } from '../../http/server.ts';
import { LOOPBACK } from '../../loopback.ts';
import { refuseInProduction } from '../../production-guard.ts';
import { NotAuthentic, verifyRequest } from '../sigv4.ts';
import type { AwsKeys } from '../sigv4.ts';
import { openActions, signedActions } from './actions.ts';
import type { CognitoParts } from './actions.ts';
import { CognitoError } from './errors.ts';
import { UserStore } from './store.ts';
import { TokenIssuer } from './tokens.ts';

/** What the stand-in is started with. */
export interface CognitoOptions {
  dir: string;
  port: number;
  keys: AwsKeys;
  poolId: string;
  clientId: string;
  sendCode: CognitoParts['sendCode'];
}

const TARGET = 'AWSCognitoIdentityProviderService.';

function errorAnswer(error: CognitoError): StandInAnswer {
  return {
    status: 400,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': error.code },
    json: { __type: error.code, message: error.message },
  };
}

/**
 * Serves one user pool of Cognito on a loopback port: sign-up, log-in with passwords, refresh, log-out, reset and administration, with tokens
 * signed by the pool's key, which is published under `/<pool>/.well-known/jwks.json`. Whether a user exists cannot be told from its answers.
 */
export async function serveCognito(options: CognitoOptions): Promise<RunningStandIn> {
  refuseInProduction('cognito');
  const store = new UserStore(options.dir);
  let port = options.port;
  const { poolId, clientId, sendCode } = options;
  const tokens = new TokenIssuer(store, { issuer: () => `http://${LOOPBACK}:${port}/${poolId}`, clientId });
  const parts: CognitoParts = { store, tokens, poolId, clientId, sendCode };

  const act = async (request: StandInRequest): Promise<StandInAnswer> => {
    const name = String(request.headers['x-amz-target'] ?? '').replace(TARGET, '');
    if (signedActions[name]) verifyRequest(options.keys, 'cognito-idp', request);
    const action = openActions[name] ?? signedActions[name];
    if (!action) throw new CognitoError('UnknownOperationException', `The action ${name} is not known.`);
    const input: unknown = JSON.parse(request.body.toString('utf8'));
    return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, json: await action(parts, input) };
  };
  const server = await serveStandIn('cognito', options.port, async (request) => {
    if (request.method === 'GET' && request.rawPath === `/${poolId}/.well-known/jwks.json`) return { status: 200, json: tokens.jwks() };
    try {
      return await act(request);
    } catch (error) {
      if (error instanceof CognitoError) return errorAnswer(error);
      if (error instanceof SyntaxError) return errorAnswer(new CognitoError('SerializationException', 'The body is not JSON.'));
      if (error instanceof NotAuthentic) {
        return errorAnswer(
          new CognitoError(
            error.code === 'InvalidAccessKeyId' ? 'UnrecognizedClientException' : 'InvalidSignatureException',
            error.message,
          ),
        );
      }
      throw error;
    }
  });
  port = server.port;
  return {
    port,
    stop: async () => {
      await server.stop();
      store.close();
    },
  };
}
