/** The log's time: Unix milliseconds that never go backwards, across restarts too (FORMATS §2). */
export class MonotonicClock {
  readonly #now: () => number;
  #last: number;

  /** @param last the time of the newest state entry in the log, 0 for an empty one */
  constructor(last: number, now: () => number = Date.now) {
    this.#last = last;
    this.#now = now;
  }

  /** The system's time, or the last answer where the system's clock was set back. */
  next(): number {
    this.#last = Math.max(this.#last, Math.floor(this.#now()));
    return this.#last;
  }

  /** Milliseconds by which the system's clock is behind the log's own time. */
  get lag(): number {
    return Math.max(0, this.#last - Math.floor(this.#now()));
  }
}
