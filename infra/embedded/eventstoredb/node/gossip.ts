import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { ClusterInfo } from '../wire/messages.ts';

const leader = 8;

/** `Gossip.Read`: a cluster of one, which is its leader. */
export function gossip(address: string, port: () => number) {
  const instanceId = randomUUID();
  return (_call: ServerUnaryCall<unknown, Buffer>, callback: sendUnaryData<Buffer>): void =>
    callback(
      null,
      ClusterInfo.encode({
        members: [
          {
            instanceId: { string: instanceId },
            timeStamp: BigInt(Date.now()) * 10_000n,
            state: leader,
            isAlive: true,
            httpEndPoint: { address, port: port() },
          },
        ],
      }),
    );
}
