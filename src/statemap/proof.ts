/**
 * Proofs of the state map, FORMATS §3: what a verifier needs to fold one key's place up to the root. A verifier
 * computes K and V itself, from the full key and value; only the siblings are the prover's.
 */
import { type Bytes, concat, equal } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { bitAt, EMPTY, HASH, innerNode, keyHash, leafNode, MAX_DEPTH, valueHash } from './hash.ts';

interface Path {
  /** Inner nodes above the place, 0 to 256. */
  readonly depth: number;
  /** One for each, from the root down; 32 bytes, all zero for an empty subtree. */
  readonly siblings: readonly Bytes[];
}

export type MapProof =
  | (Path & { readonly found: true })
  /** Absent: the place is empty, or another key's leaf is there. */
  | (Path & { readonly found: false; readonly other: { readonly k: Bytes; readonly v: Bytes } | null });

/** `[depth, bitmap, siblings]`, and a fourth member in a proof of absence. Empty siblings are left out of the list. */
export function encodeProof(proof: MapProof): Bytes {
  const { depth, siblings } = proof;
  const bitmap = new Uint8Array(Math.ceil(depth / 8));
  const present: Bytes[] = [];
  siblings.forEach((sibling, i) => {
    if (equal(sibling, EMPTY)) return;
    bitmap[i >> 3]! |= 0x80 >> (i & 7);
    present.push(sibling);
  });
  const members: Cbor[] = [depth, bitmap, concat(...present)];
  if (!proof.found) members.push(proof.other && [proof.other.k, proof.other.v]);
  return encode(members);
}

/** @throws PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC */
export function decodeProof(bytes: Bytes): MapProof {
  const members = decode(bytes, { maxDepth: 2, maxItems: 8 });
  if (!Array.isArray(members) || members.length < 3 || members.length > 4) throw malformed('not a map proof');
  const [depth, bitmap, packed, other] = members as readonly Cbor[];
  if (typeof depth !== 'number' || depth < 0 || depth > MAX_DEPTH) throw malformed('depth is not 0 to 256');
  if (!(bitmap instanceof Uint8Array) || bitmap.length !== Math.ceil(depth / 8))
    throw malformed('bitmap length');
  if (!(packed instanceof Uint8Array)) throw malformed('siblings are not bytes');
  const siblings: Bytes[] = [];
  let at = 0;
  for (let i = 0; i < bitmap.length * 8; i++) {
    const present = bitAt(bitmap, i) === 1;
    if (i >= depth) {
      if (present) throw malformed('an unused bit of the bitmap is set');
      continue;
    }
    if (!present) {
      siblings.push(EMPTY);
      continue;
    }
    const sibling = packed.slice(at, at + HASH);
    at += HASH;
    if (sibling.length !== HASH) throw malformed('fewer siblings than the bitmap says');
    if (equal(sibling, EMPTY)) throw malformed('an empty sibling is written out');
    siblings.push(sibling);
  }
  if (at !== packed.length) throw malformed('more siblings than the bitmap says');
  // A subtree with an empty half and at most one leaf is written one level up: anything else would be a second proof
  // of the same place.
  if (depth > 0 && equal(siblings[depth - 1]!, EMPTY)) throw malformed('the deepest sibling is empty');
  if (members.length === 3) return { depth, siblings, found: true };
  if (other === null) return { depth, siblings, found: false, other: null };
  const [k, v] = Array.isArray(other) && other.length === 2 ? (other as readonly Cbor[]) : [];
  if (!(k instanceof Uint8Array) || k.length !== HASH || !(v instanceof Uint8Array) || v.length !== HASH) {
    throw malformed('the other leaf is not two hashes');
  }
  return { depth, siblings, found: false, other: { k, v } };
}

/**
 * Verifies that under `root` the record of `key` is `value`, or, with null, that there is none.
 * @param key the full encoded key; @param value the full encoded record
 * @throws FACT_INVALID the proof is for something else; PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC
 */
export function verifyFact(hasher: Hasher, root: Bytes, key: Bytes, value: Bytes | null, proof: Bytes): void {
  const decoded = decodeProof(proof);
  if (decoded.found !== (value !== null)) {
    throw fail(
      'FACT_INVALID',
      value === null ? 'a proof of presence for an absence' : 'a proof of absence for a value',
    );
  }
  const k = keyHash(hasher, key);
  let hash = decoded.found
    ? leafNode(hasher, k, valueHash(hasher, value!))
    : absentNode(hasher, k, decoded.depth, decoded.other);
  for (let i = decoded.depth - 1; i >= 0; i--) {
    const sibling = decoded.siblings[i]!;
    hash = bitAt(k, i) === 1 ? innerNode(hasher, sibling, hash) : innerNode(hasher, hash, sibling);
  }
  if (!equal(hash, root)) throw fail('FACT_INVALID', 'the proof does not lead to the state root');
}

function absentNode(hasher: Hasher, k: Bytes, depth: number, other: { k: Bytes; v: Bytes } | null): Bytes {
  if (!other) return EMPTY;
  if (equal(other.k, k)) throw fail('FACT_INVALID', 'the other leaf has the key that should be absent');
  for (let i = 0; i < depth; i++) {
    if (bitAt(other.k, i) !== bitAt(k, i))
      throw fail('FACT_INVALID', 'the other leaf is not where the key would be');
  }
  return leafNode(hasher, other.k, other.v);
}

function malformed(message: string) {
  return fail('PROOF_MALFORMED', message);
}
