/** A bounded cache: the entry used longest ago goes first, by total cost. */
export class Lru<K, V> {
  readonly #entries = new Map<K, { key: K; value: V; cost: number }>();
  readonly #limit: number;
  #cost = 0;
  /** The key that was inserted last, or used since: it need not be moved to the end. */
  #last: K | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.key === this.#last) return entry.value;
    // A Map iterates in insertion order: to insert again is to mark as used last. With the key that it has: one that a request
    // brought would outlive the request.
    this.#entries.delete(key);
    this.#entries.set(entry.key, entry);
    this.#last = entry.key;
    return entry.value;
  }

  set(key: K, value: V, cost = 1): void {
    this.delete(key);
    this.#entries.set(key, { key, value, cost });
    this.#last = key;
    this.#cost += cost;
    for (const oldest of this.#entries.keys()) {
      if (this.#cost <= this.#limit) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#cost -= entry.cost;
  }
}
