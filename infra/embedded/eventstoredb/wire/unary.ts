import type { sendUnaryData } from '@grpc/grpc-js';
import { toRpcError } from './rpc-error.ts';

/** Answers a unary call with what `work` gives, or with the status that its failure stands for. */
export function answer(callback: sendUnaryData<Buffer>, work: () => Promise<Buffer>): void {
  void (async () => {
    try {
      callback(null, await work());
    } catch (error) {
      callback(toRpcError(error));
    }
  })();
}
