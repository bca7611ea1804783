import type { Bytes } from '../../../src/core/bytes.ts';
import { type Cbor, encode } from '../../../src/core/cbor.ts';

/** 1 in 32 little-endian bytes: the neutral element as an Ed25519 point, and a u-coordinate of small order. */
export const ONE = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));

/** A COSE_Key of whatever coordinates. */
export function rawKey(kty: number, crv: number, x: Bytes, y?: Bytes): Bytes {
  const members: [number, Cbor][] = [
    [1, kty],
    [-1, crv],
    [-2, x],
  ];
  return encode(new Map(y ? [...members, [-3, y]] : members));
}
