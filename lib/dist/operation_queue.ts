/**
 * Runs operations one after the other in the order of the calls, whether or not the caller waits for each. After one that failed,
 * the later ones fail with the same error.
 */
export class OperationQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `operation` when all before it are done. */
  run<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#last.then(operation);
    this.#last = result;
    // Whoever called for it is told; the queue itself raises no alarm.
    result.catch(() => {});
    return result;
  }
}
