/**
 * Many timeouts of one length, of which nearly all are let go of long before. They end in the order in which they began, so
 * one timer does for all: a timer of its own costs each request more than the rest of its bookkeeping.
 */
export class Timeouts {
  readonly milliseconds: number;
  #first: Timeout | undefined;
  #last: Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }

  /** Calls `timeout.expire` when the time is up, unless it has ended before. */
  begin(timeout: Timeout): void {
    timeout.due = performance.now() + this.milliseconds;
    timeout.before = this.#last;
    if (this.#last) this.#last.after = timeout;
    else this.#first = timeout;
    this.#last = timeout;
    this.#timer ??= this.#wait(this.milliseconds);
  }

  end(timeout: Timeout): void {
    const { before, after } = timeout;
    if (before) before.after = after;
    else if (this.#first === timeout) this.#first = after;
    else return; // It has ended already.
    if (after) after.before = before;
    else this.#last = before;
    timeout.before = undefined;
    timeout.after = undefined;
  }

  #wait(milliseconds: number): NodeJS.Timeout {
    // What is waited for keeps the process alive, not this.
    return setTimeout(() => this.#expire(), Math.ceil(milliseconds)).unref();
  }

  #expire(): void {
    const now = performance.now();
    for (let next = this.#first; next && next.due <= now; next = this.#first) {
      this.end(next);
      next.expire();
    }
    // It stays set when nothing waits any more, and is looked after then: less often than requests come and go.
    this.#timer = this.#first && this.#wait(this.#first.due - now);
  }
}

/** One that is waited for, and its place in the row. */
export abstract class Timeout {
  due = 0;
  before: Timeout | undefined;
  after: Timeout | undefined;
  abstract expire(): void;
}
