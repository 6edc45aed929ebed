interface Line {
  tail: Promise<unknown>;
  length: number;
}

/** Runs tasks of one key after each other, tasks of different keys at once. */
export class KeyedQueue {
  readonly #lines = new Map<string, Line>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const finished = async (): Promise<T> => {
      try {
        return await task();
      } finally {
        if (--line.length === 0) this.#lines.delete(key);
      }
    };
    let line: Line;
    const waiting = this.#lines.get(key);
    if (waiting === undefined) {
      line = { tail: Promise.resolve(), length: 1 };
      this.#lines.set(key, line);
      const result = finished();
      line.tail = result;
      return result;
    }
    line = waiting;
    line.length++;
    const result = line.tail.then(finished, finished);
    line.tail = result;
    return result;
  }
}
