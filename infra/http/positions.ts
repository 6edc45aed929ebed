/** Knows how far the read models have come. Implemented by the projection engine. */
export interface Positions {
  /**
   * Waits until every named read model has passed a commit position.
   * @param readModels names as in the endpoints' `reads`
   * @param position commit position of the log, from a command's answer
   * @param timeoutMs milliseconds to wait at most
   * @returns false when the time is over and one of them is still behind
   */
  waitFor(readModels: readonly string[], position: bigint, timeoutMs: number): Promise<boolean>;
}
