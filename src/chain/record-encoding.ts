/**
 * The deterministic CBOR of records, byte for byte what `encode` makes of them. Records of one type have the same few members,
 * and most of what is nested in them goes from one version to the next untouched: the order of the members is found once,
 * and what is nested is encoded once.
 */
import { type Bytes, compare, concat } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';

interface Member {
  readonly name: string;
  /** Encoded. */
  readonly key: Bytes;
}

/** Values of the state are never changed in place, nor is what they hold. */
const nested = new WeakMap<object, Bytes>();
/** RFC 8949 §3: major type 5, and the count in the byte itself up to 23, in the next one up to 255. */
const MAP = 0xa0;
const IN_HEAD = 23;
const MOST = 255;

/** One for each type of record. */
export class RecordEncoding {
  /** In the order of their encoded names, RFC 8949 §4.2.1. */
  #members: readonly Member[] = [];

  encode(record: object): Bytes {
    const values = record as Readonly<Record<string, Cbor | undefined>>;
    const names = Object.keys(values).filter((name) => values[name] !== undefined);
    if (names.length > MOST) return encode(values as Cbor);
    const known = this.#parts(values);
    if (known.length === 2 * names.length + 1) return concat(...known);
    this.#learn(names);
    return concat(...this.#parts(values));
  }

  /** The head, then name and value of each member that is known here. */
  #parts(values: Readonly<Record<string, Cbor | undefined>>): Bytes[] {
    const parts: Bytes[] = [];
    for (const { name, key } of this.#members) {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value !== undefined) parts.push(key, encoded(value));
    }
    const count = parts.length / 2;
    parts.unshift(count <= IN_HEAD ? Uint8Array.of(MAP + count) : Uint8Array.of(MAP + IN_HEAD + 1, count));
    return parts;
  }

  #learn(names: readonly string[]): void {
    const all = new Set([...this.#members.map(({ name }) => name), ...names]);
    const members = [...all].map((name) => ({ name, key: encode(name) }));
    this.#members = members.sort((a, b) => compare(a.key, b.key));
  }
}

function encoded(value: Cbor): Bytes {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return encode(value);
  const known = nested.get(value);
  if (known) return known;
  const bytes = encode(value);
  nested.set(value, bytes);
  return bytes;
}
