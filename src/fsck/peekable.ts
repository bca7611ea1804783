/** Rows that are compared with something else in the same order: the next one can be looked at before it is taken. */
export class Peekable<T> {
  readonly #items: AsyncIterator<T>;
  #next: Promise<IteratorResult<T>> | undefined;

  constructor(items: AsyncIterable<T>) {
    this.#items = items[Symbol.asyncIterator]();
  }

  async peek(): Promise<T | undefined> {
    this.#next ??= this.#items.next();
    const { done, value } = await this.#next;
    return done ? undefined : value;
  }

  /** Past what was peeked at; the one after it is read meanwhile. */
  skip(): void {
    this.#next = this.#items.next();
    this.#next.catch(() => undefined); // Whoever peeks next is told.
  }

  async end(): Promise<void> {
    await this.#items.return?.();
  }
}
