/** RFC 9162 §2.1 by its recursive definitions, over node:crypto: shares no code with src/merkle. */
import { createHash } from 'node:crypto';

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
};
const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1));

/** MTH(D) over leaf data, §2.1.1. */
export function root(data: Uint8Array[]): Uint8Array {
  if (data.length === 0) return sha256();
  if (data.length === 1) return sha256(Uint8Array.of(0), data[0]!);
  const k = split(data.length);
  return sha256(Uint8Array.of(1), root(data.slice(0, k)), root(data.slice(k)));
}

/** PATH(m, D), §2.1.3.1. */
export function inclusionPath(m: number, data: Uint8Array[]): Uint8Array[] {
  if (data.length === 1) return [];
  const k = split(data.length);
  return m < k
    ? [...inclusionPath(m, data.slice(0, k)), root(data.slice(k))]
    : [...inclusionPath(m - k, data.slice(k)), root(data.slice(0, k))];
}

/** PROOF(m, D), §2.1.4.1. */
export function consistencyPath(m: number, data: Uint8Array[], whole = true): Uint8Array[] {
  if (m === data.length) return whole ? [] : [root(data)];
  const k = split(data.length);
  return m <= k
    ? [...consistencyPath(m, data.slice(0, k), whole), root(data.slice(k))]
    : [...consistencyPath(m - k, data.slice(k), false), root(data.slice(0, k))];
}
