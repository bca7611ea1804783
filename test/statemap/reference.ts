/** The state map as FORMATS §3 defines it, word for word, and nothing else: the oracle. */
import { createHash } from 'node:crypto';

export type Record = readonly [key: Uint8Array, value: Uint8Array];

const EMPTY = Buffer.alloc(32);

function h(prefix: number, ...parts: Uint8Array[]): Buffer {
  return createHash('sha256')
    .update(Buffer.concat([Buffer.of(prefix), ...parts]))
    .digest();
}

export function referenceRoot(records: readonly Record[]): Uint8Array {
  const leaves = records.map(([key, value]) => ({ k: h(4, key), v: h(5, value) }));
  const bits = leaves.map(({ k, v }) => ({
    bits: [...k].map((byte) => byte.toString(2).padStart(8, '0')).join(''),
    leaf: h(2, k, v),
  }));
  const root = (set: typeof bits, depth: number): Buffer => {
    if (set.length === 0) return EMPTY;
    if (set.length === 1) return set[0]!.leaf;
    const on = (bit: string) => set.filter((member) => member.bits[depth] === bit);
    return h(3, root(on('0'), depth + 1), root(on('1'), depth + 1));
  };
  return new Uint8Array(root(bits, 0));
}
