/** Statements in the order of their source, in batches: full ones, or whatever is there when the source pauses. */
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

export interface BatchLimits {
  readonly statements: number;
  readonly bytes: number;
}

/** Milliseconds that a batch waits for its next statement, so that a slow source does not hold back what it gave. */
const LINGER = 5;

export class StatementSource {
  readonly #items: AsyncIterator<Bytes> | Iterator<Bytes>;
  readonly #limits: BatchLimits;
  /** Asked for and not yet taken. */
  #next: Promise<IteratorResult<Bytes>> | IteratorResult<Bytes> | undefined;

  constructor(statements: Iterable<Bytes> | AsyncIterable<Bytes>, limits: BatchLimits) {
    this.#items =
      Symbol.asyncIterator in statements ? statements[Symbol.asyncIterator]() : statements[Symbol.iterator]();
    this.#limits = limits;
  }

  /** The next batch, at least one statement; null at the end. Call again only when it has resolved. */
  async batch(): Promise<Bytes[] | null> {
    const batch: Bytes[] = [];
    let bytes = 0;
    while (batch.length < this.#limits.statements && bytes < this.#limits.bytes) {
      this.#next ??= this.#items.next();
      const wait = this.#next instanceof Promise && batch.length > 0;
      const result = wait ? await withinLinger(this.#next) : await this.#next;
      if (!result) return batch;
      // The end stays, so that the call after this one finds it.
      if (result.done) return batch.length > 0 ? batch : null;
      this.#next = undefined;
      if (!(result.value instanceof Uint8Array)) throw fail('ARGUMENT_INVALID', 'a statement is bytes');
      batch.push(result.value);
      bytes += result.value.length;
    }
    return batch;
  }

  /** Tells the source that nothing more is wanted. */
  close(): void {
    // Not awaited: a source that is waiting for its next item would keep `return` waiting too.
    if (this.#next instanceof Promise) this.#next.catch(() => undefined);
    void Promise.resolve(this.#items.return?.()).catch(() => undefined);
  }
}

async function withinLinger<T>(promise: Promise<T> | T): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const linger = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LINGER, undefined);
  });
  try {
    return await Promise.race([promise, linger]);
  } finally {
    clearTimeout(timer);
  }
}
