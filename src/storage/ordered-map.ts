/** An ordered map of byte strings in memory: the memory driver's rows, and the disk image of the fault double. */
import { type Bytes, toCharacters } from '../core/bytes.ts';
import type { Operation, Range } from './contract.ts';

interface Row {
  /** One UTF-16 unit for each byte, so that `<` on texts is the bytewise order of keys. */
  readonly text: string;
  readonly key: Bytes;
  value: Bytes;
}

export class OrderedMap {
  readonly #rows = new Map<string, Row>();
  // Sorting waits for a range to be asked for: the log reads by key, and seldom by range.
  #sorted: Row[] = [];
  #added: Row[] = [];
  #removed = false;

  get size(): number {
    return this.#rows.size;
  }

  get(key: Bytes): Bytes | undefined {
    return this.#rows.get(toCharacters(key))?.value.slice();
  }

  apply(operations: readonly Operation[]): void {
    for (const operation of operations) {
      const text = toCharacters(operation.key);
      const row = this.#rows.get(text);
      if (operation.type === 'del') {
        if (this.#rows.delete(text)) this.#removed = true;
      } else if (row) row.value = operation.value.slice();
      else {
        const fresh = { text, key: operation.key.slice(), value: operation.value.slice() };
        this.#rows.set(text, fresh);
        this.#added.push(fresh);
      }
    }
  }

  /** The rows of the range as they are now; values are shared with the map, which replaces and never changes them. */
  slice({ gte, lt, reverse = false, limit = Number.POSITIVE_INFINITY }: Range): [Bytes, Bytes][] {
    const rows = this.#order();
    let from = gte === undefined ? 0 : lowerBound(rows, toCharacters(gte));
    let to = lt === undefined ? rows.length : lowerBound(rows, toCharacters(lt));
    if (reverse) from = Math.max(from, to - limit);
    else to = Math.min(to, from + limit);
    const found = rows.slice(from, Math.max(from, to)).map(({ key, value }): [Bytes, Bytes] => [key, value]);
    return reverse ? found.reverse() : found;
  }

  #order(): Row[] {
    if (this.#removed) {
      // A key that was deleted and put again has a new row; the old one must go.
      const alive = (row: Row) => this.#rows.get(row.text) === row;
      this.#sorted = this.#sorted.filter(alive);
      this.#added = this.#added.filter(alive);
      this.#removed = false;
    }
    if (this.#added.length > 0) {
      this.#sorted = merge(
        this.#sorted,
        this.#added.sort((a, b) => (a.text < b.text ? -1 : 1)),
      );
      this.#added = [];
    }
    return this.#sorted;
  }
}

/** The place of the first row that is not before `text`. */
function lowerBound(rows: readonly Row[], text: string): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.text < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Both are sorted and have no key in common. */
function merge(a: readonly Row[], b: readonly Row[]): Row[] {
  const out: Row[] = [];
  let i = 0;
  for (const row of b) {
    while (i < a.length && a[i]!.text < row.text) out.push(a[i++]!);
    out.push(row);
  }
  while (i < a.length) out.push(a[i++]!);
  return out;
}
