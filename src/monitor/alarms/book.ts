/**
 * What a watcher remembers: small records by type and name, in memory, and as rows that are kept with the monitor's
 * progress. JSON, since nobody but this monitor reads them.
 */
import { type Bytes, fromUtf8, utf8 } from '../../core/bytes.ts';

export class Shelf<T> {
  readonly #book: Book;
  readonly #type: string;

  constructor(book: Book, type: string) {
    this.#book = book;
    this.#type = type;
  }

  get(...name: readonly (string | number)[]): T | undefined {
    return this.#book.get(JSON.stringify([this.#type, ...name])) as T | undefined;
  }

  put(record: T, ...name: readonly (string | number)[]): void {
    this.#book.put(JSON.stringify([this.#type, ...name]), record);
  }
}

export class Book {
  readonly #records = new Map<string, unknown>();
  readonly #changed = new Set<string>();

  async restore(rows: AsyncIterable<readonly [key: Bytes, value: Bytes]>): Promise<void> {
    for await (const [key, value] of rows) this.#records.set(fromUtf8(key), JSON.parse(fromUtf8(value)));
  }

  get(key: string): unknown {
    return this.#records.get(key);
  }

  put(key: string, record: unknown): void {
    this.#records.set(key, record);
    this.#changed.add(key);
  }

  changes(): readonly (readonly [key: Bytes, value: Bytes])[] {
    const rows = [...this.#changed].map(
      (key) => [utf8(key), utf8(JSON.stringify(this.#records.get(key)))] as const,
    );
    this.#changed.clear();
    return rows;
  }
}
