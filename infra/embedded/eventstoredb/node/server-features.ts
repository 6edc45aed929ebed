import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { SupportedMethods } from '../wire/messages.ts';

/** The version whose behaviour this server has; clients decide by it what to expect. */
export const serverVersion = '24.10.4';

const streams = 'event_store.client.streams.streams';
const persistentSubscriptions = 'event_store.client.persistent_subscriptions.persistentsubscriptions';

const features: Readonly<Record<string, readonly string[]>> = {
  [`${streams}/read`]: ['position', 'events'],
  [`${streams}/batchappend`]: ['deadline_duration'],
};

/** `ServerFeatures.GetSupportedMethods`. `paths` are those of all methods that the server has. */
export function supportedMethods(paths: readonly string[]) {
  const methods = paths.map((path) => {
    const [serviceName = '', methodName = ''] = path.toLowerCase().slice(1).split('/');
    const all = serviceName === persistentSubscriptions ? ['stream', 'all'] : [];
    return { serviceName, methodName, features: [...(features[`${serviceName}/${methodName}`] ?? all)] };
  });
  const response = SupportedMethods.encode({ methods, eventStoreServerVersion: serverVersion });
  return (_call: ServerUnaryCall<unknown, Buffer>, callback: sendUnaryData<Buffer>): void => callback(null, response);
}
