/** In the order of their last use, as links: to use one again changes six of them, and moves nothing. */
interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
  readonly cost: number;
  older: Entry<K, V> | undefined;
  newer: Entry<K, V> | undefined;
}

/** A bounded cache: the entry used longest ago goes first, by total cost. */
export class Lru<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #limit: number;
  #cost = 0;
  #oldest: Entry<K, V> | undefined;
  #newest: Entry<K, V> | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry !== this.#newest) {
      this.#unlink(entry);
      this.#append(entry);
    }
    return entry.value;
  }

  set(key: K, value: V, cost = 1): void {
    this.delete(key);
    const entry = { key, value, cost, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
    this.#cost += cost;
    while (this.#cost > this.#limit && this.#oldest) this.delete(this.#oldest.key);
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#unlink(entry);
    this.#cost -= entry.cost;
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry<K, V>): void {
    const { older, newer } = entry;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    // An entry that has left and was old keeps none that leaves after it.
    entry.older = undefined;
    entry.newer = undefined;
  }
}
