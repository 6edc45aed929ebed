/**
 * When work under a lease was last level with what it follows; before the first time, when the lease was taken. It outlives work that fails and is begun
 * anew, so that what fails again and again is seen to fall behind.
 */
export class Level {
  #at = performance.now();

  /** Now it is. */
  reached(): void {
    this.#at = performance.now();
  }

  get secondsAgo(): number {
    return (performance.now() - this.#at) / 1_000;
  }
}
