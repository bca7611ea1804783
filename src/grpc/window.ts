/** Room that is taken and given back. */

const nothing = () => {};

/** A counting semaphore, first come first served. What is larger than the whole window passes alone. */
export class Window {
  readonly #size: number;
  #used = 0;
  #admitting = false;
  #waiting: { cost: number; enter: () => void }[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `enter` once there is room, at once if there is. Gives back what removes it from the queue. */
  enter(cost: number, enter: () => void): () => void {
    if (this.#waiting.length === 0 && this.#fits(cost)) {
      this.#used += cost;
      enter();
      return nothing;
    }
    const waiter = { cost, enter };
    this.#waiting.push(waiter);
    return () => {
      const at = this.#waiting.indexOf(waiter);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      this.#admit();
    };
  }

  leave(cost: number): void {
    this.#used -= cost;
    this.#admit();
  }

  #fits(cost: number): boolean {
    return this.#used === 0 || this.#used + cost <= this.#size;
  }

  /** Who enters may leave at once. Then it is the loop here that lets in the next: a call within a call would nest as deep as the queue is long. */
  #admit(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      for (let next = this.#waiting[0]; next && this.#fits(next.cost); next = this.#waiting[0]) {
        this.#waiting.shift();
        this.#used += next.cost;
        next.enter();
      }
    } finally {
      this.#admitting = false;
    }
  }
}
