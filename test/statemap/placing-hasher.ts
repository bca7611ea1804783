/**
 * SHA-256, but K is the key itself, padded with zeros. Keys can then be put where a test wants them: at depth 256, for
 * which no real keys can be found.
 */
import type { Bytes } from '../../src/core/bytes.ts';
import type { Hasher } from '../../src/core/crypto.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

export const placingHasher: Hasher = {
  sha256(data: Bytes): Bytes {
    if (data[0] !== 4 || data.length > 33) return nodeCrypto.sha256(data);
    const k = new Uint8Array(32);
    k.set(data.subarray(1));
    return k;
  },
};

/** A key whose path is `bits`, then zeros. */
export function keyAt(bits: string): Bytes {
  const key = new Uint8Array(32);
  for (const [i, bit] of [...bits].entries()) if (bit === '1') key[i >> 3]! |= 0x80 >> (i & 7);
  return key;
}
