/** An error answer of Agora's REST API. */
export class AgoraError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    readonly reason: string,
  ) {
    super(reason);
  }
}

export const badRequest = (reason: string): AgoraError => new AgoraError(400, 2, reason);
export const noWorker = (): AgoraError => new AgoraError(404, 404, 'Failed to find worker');
