/**
 * For what is under way: a Map that entries come into and leave all the time is copied to a new table every few dozen of them. The old
 * table still has what was in it, and a pointer to the next. One that a full collection has moved to the old generation is dead there
 * until the full collection after it; meanwhile every table after it survives, and with the tables all that was ever under way.
 */

/**
 * A Map whose entries leave nothing behind: two arrays, searched from end to end, which for a hundred entries takes no longer than a
 * table. The order is not kept, and what is gone through is what there was at first.
 */
export class SmallMap<K, V> implements Map<K, V> {
  readonly #keys: K[] = [];
  readonly #values: V[] = [];

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#keys.length;
  }

  get(key: K): V | undefined {
    const at = this.#keys.indexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  has(key: K): boolean {
    return this.#keys.includes(key);
  }

  set(key: K, value: V): this {
    const at = this.#keys.indexOf(key);
    if (at >= 0) this.#values[at] = value;
    else {
      this.#keys.push(key);
      this.#values.push(value);
    }
    return this;
  }

  delete(key: K): boolean {
    const at = this.#keys.indexOf(key);
    if (at < 0) return false;
    const [lastKey, last] = [this.#keys.pop()!, this.#values.pop()!];
    if (lastKey !== key) {
      this.#keys[at] = lastKey;
      this.#values[at] = last;
    }
    return true;
  }

  clear(): void {
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  forEach(call: (value: V, key: K, all: Map<K, V>) => void, self?: unknown): void {
    for (const [key, value] of this) call.call(self, value, key, this);
  }

  keys(): MapIterator<K> {
    return [...this.#keys].values();
  }

  values(): MapIterator<V> {
    return [...this.#values].values();
  }

  entries(): MapIterator<[K, V]> {
    return this.#keys.map((key, at): [K, V] => [key, this.#values[at]!]).values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'SmallMap';
  }
}

/** The same of what has no key. */
export class SmallSet<T> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  /** @param one that is not in it */
  add(one: T): void {
    this.#all.push(one);
  }

  delete(one: T): boolean {
    const at = this.#all.indexOf(one);
    if (at < 0) return false;
    const last = this.#all.pop()!;
    if (last !== one) this.#all[at] = last;
    return true;
  }

  [Symbol.iterator](): ArrayIterator<T> {
    return [...this.#all].values();
  }
}
