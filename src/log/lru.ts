interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
  readonly cost: number;
  /** How many had been put at the end, when it was. */
  placed: number;
}

/**
 * A bounded cache by total cost: the entry used longest ago goes first. One in the newer half, by number, stays where it is when it is
 * used, so that whatever goes was not used for as long as half of the entries took to come or to be used again.
 */
export class Lru<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #limit: number;
  #cost = 0;
  #placed = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    // At most so many are behind it. To be moved takes more than to be looked up.
    if ((this.#placed - entry.placed) * 2 < this.#entries.size) return entry.value;
    // A Map iterates in insertion order: to insert again is to mark as used last. With the key that it has: one that a request
    // brought would outlive the request.
    this.#entries.delete(key);
    entry.placed = ++this.#placed;
    this.#entries.set(entry.key, entry);
    return entry.value;
  }

  set(key: K, value: V, cost = 1): void {
    this.delete(key);
    this.#entries.set(key, { key, value, cost, placed: ++this.#placed });
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
