/**
 * The deterministic CBOR of records, byte for byte what `encode` makes of them. Records of one type have the same few members,
 * whose order is found once.
 */
import { type Bytes, compare } from '../core/bytes.ts';
import { type Cbor, encode, encodeMembers } from '../core/cbor.ts';

interface Member {
  readonly name: string;
  /** Encoded. */
  readonly key: Bytes;
}

/** More members than any record has: they are not learned. */
const MOST = 255;

/** One for each type of record. */
export class RecordEncoding {
  /** In the order of their encoded names, RFC 8949 §4.2.1. */
  #members: readonly Member[] = [];

  encode(record: object): Bytes {
    const values = record as Values;
    let count = 0;
    for (const name of Object.keys(values)) if (values[name] !== undefined) count += 1;
    if (count > MOST) return encode(values as Cbor);
    if (this.#known(values) !== count) this.#learn(values);
    return encodeMembers(count, (to) => {
      for (const { name, key } of this.#members) {
        const value = memberOf(values, name);
        if (value === undefined) continue;
        to.encoded(key);
        to.item(value);
      }
    });
  }

  #known(values: Values): number {
    let count = 0;
    for (const { name } of this.#members) if (memberOf(values, name) !== undefined) count += 1;
    return count;
  }

  #learn(values: Values): void {
    const names = Object.keys(values).filter((name) => values[name] !== undefined);
    const all = new Set([...this.#members.map(({ name }) => name), ...names]);
    const members = [...all].map((name) => ({ name, key: encode(name) }));
    this.#members = members.sort((a, b) => compare(a.key, b.key));
  }
}

type Values = Readonly<Record<string, Cbor | undefined>>;

function memberOf(values: Values, name: string): Cbor | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
