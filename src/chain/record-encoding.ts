/**
 * The deterministic CBOR of records, byte for byte what `encode` makes of them. Records of one type have the same few members,
 * and so has what is nested in them: their order is found once.
 */
import { type Bytes, compare } from '../core/bytes.ts';
import { type Cbor, encode, encodeWith, type ItemSink } from '../core/cbor.ts';

interface Member {
  readonly name: string;
  /** Encoded. */
  readonly key: Bytes;
  /** Of its value, where that is an object or a list of them. */
  readonly shape: Shape;
}

/** Names of one shape at most, far more than any record has: what has others is encoded as anything is. */
const MOST = 64;
/** Records are trees of a few levels. */
const DEEPEST = 8;

/** One for each type of record. */
export class RecordEncoding {
  readonly #shape = new Shape();

  encode(record: object): Bytes {
    if (!isPlain(record)) return encode(record as Cbor);
    return encodeWith((to) => this.#shape.write(to, record as Values, 0));
  }
}

/** Has no members but its own; those of the prototype of all objects are never learned. */
function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}

type Values = Readonly<Record<string, Cbor | undefined>>;

class Shape {
  /** In the order of their encoded names, RFC 8949 §4.2.1. */
  #members: readonly Member[] = [];

  write(to: ItemSink, values: Values, depth: number): void {
    const names = Object.keys(values);
    let count = 0;
    for (let i = 0; i < names.length; i++) if (values[names[i]!] !== undefined) count += 1;
    if (this.#written(to, values, count, depth)) return;
    if (this.#learn(names, values) && this.#written(to, values, count, depth)) return;
    to.item(values as Cbor, depth);
  }

  /** Whether that are all its members; else nothing is written. */
  #written(to: ItemSink, values: Values, count: number, depth: number): boolean {
    const start = to.position;
    to.beginMap(count);
    let found = 0;
    const members = this.#members;
    for (let i = 0; i < members.length; i++) {
      const { name, key, shape } = members[i]!;
      const value = values[name];
      if (value === undefined) continue;
      found += 1;
      to.encoded(key);
      shape.#value(to, value, depth + 1);
    }
    if (found === count) return true;
    to.back(start);
    return false;
  }

  #value(to: ItemSink, value: Cbor, depth: number): void {
    if (typeof value !== 'object' || value === null || depth > DEEPEST) to.item(value, depth);
    else if (Array.isArray(value)) {
      const items = value as readonly Cbor[];
      to.beginArray(items.length);
      for (let i = 0; i < items.length; i++) this.#value(to, items[i]!, depth + 1);
    } else if (isPlain(value)) this.write(to, value as Values, depth);
    else to.item(value, depth);
  }

  /** Whether all names of `values` are members now. */
  #learn(names: readonly string[], values: Values): boolean {
    const known = new Map(this.#members.map((member) => [member.name, member]));
    for (const name of names) {
      if (values[name] === undefined || known.has(name)) continue;
      // To ask for a member is to ask the prototype, too.
      if (name in Object.prototype || known.size >= MOST) return false;
      known.set(name, { name, key: encode(name), shape: new Shape() });
    }
    this.#members = [...known.values()].sort((a, b) => compare(a.key, b.key));
    return true;
  }
}
