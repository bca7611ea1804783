/**
 * Proofs of the state map, FORMATS §3: what a verifier needs to fold one key's place up to the root. A verifier
 * computes K and V itself, from the full key and value; only the siblings are the prover's.
 */
import { type Bytes, toCharacters } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  bitAt,
  bytesOfHash,
  EMPTY,
  foldedHash,
  HASH_LENGTH,
  type Hash,
  keyHash,
  leafBytes,
  MAX_DEPTH,
  valueBytes,
  writeHash,
} from './hash.ts';

interface Path {
  /** Inner nodes above the place, 0 to 256. */
  readonly depth: number;
  /** One for each, from the root down; 32 bytes, all zero for an empty subtree. */
  readonly siblings: readonly Bytes[];
}

type Place =
  | { readonly found: true }
  /** Absent: the place is empty, or another key's leaf is there (its K and V, 32 bytes each). */
  | { readonly found: false; readonly other: { readonly k: Bytes; readonly v: Bytes } | null };

export type MapProof = Path & Place;

/** As it is encoded: which siblings are not empty, and those, from the root down. */
interface PackedProof {
  readonly depth: number;
  readonly bitmap: Bytes;
  readonly packed: Bytes;
  readonly place: Place;
}

/** Where siblings are put together: encoding ends before the next proof is made. */
const PACKED = new Uint8Array(MAX_DEPTH * HASH_LENGTH);

/**
 * `[depth, bitmap, siblings]`, and a fourth member in a proof of absence. Bit i of the bitmap, most significant first,
 * is 1 when the sibling met i steps below the root is not empty; those siblings follow in the same order, root first.
 * @param absent the place is empty, or another key's leaf is there
 */
export function encodeProof(
  siblings: readonly Hash[],
  absent?: { readonly other: { readonly k: Hash; readonly v: Hash } | null },
): Bytes {
  const depth = siblings.length;
  const bitmap = new Uint8Array(bitmapLength(depth));
  let end = 0;
  for (let i = 0; i < depth; i++) {
    if (siblings[i] === EMPTY) continue;
    bitmap[i >> 3]! |= 0x80 >> (i & 7);
    end = writeHash(siblings[i]!, PACKED, end);
  }
  const members: Cbor[] = [depth, bitmap, PACKED.subarray(0, end)];
  if (absent) members.push(absent.other && [bytesOfHash(absent.other.k), bytesOfHash(absent.other.v)]);
  return encode(members);
}

/**
 * The shape of a proof, checked in full: there is one encoding of one proof.
 * @throws PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC
 */
export function decodeProof(bytes: Bytes): MapProof {
  const { depth, bitmap, packed, place } = readProof(bytes);
  const siblings: Bytes[] = [];
  let at = 0;
  for (let i = 0; i < depth; i++) {
    const end = isPresent(bitmap, i) ? at + HASH_LENGTH : at;
    siblings.push(end > at ? packed.slice(at, end) : new Uint8Array(HASH_LENGTH));
    at = end;
  }
  return { depth, siblings, ...place };
}

function readProof(bytes: Bytes): PackedProof {
  // Nothing larger than [depth, bitmap, siblings, [K2, V2]] is worth reading to its end.
  const members = decode(bytes, { maxDepth: 2, maxItems: 16 });
  if (!Array.isArray(members) || members.length < 3 || members.length > 4) throw malformed('not a map proof');
  const [depth, bitmap, packed, other] = members as readonly Cbor[];
  if (typeof depth !== 'number' || depth < 0 || depth > MAX_DEPTH) throw malformed('depth is not 0 to 256');
  if (!(bitmap instanceof Uint8Array) || bitmap.length !== bitmapLength(depth)) {
    throw malformed('the bitmap does not have one bit for each step');
  }
  if (!(packed instanceof Uint8Array)) throw malformed('siblings are not bytes');
  checkSiblings(depth, bitmap, packed);
  if (members.length === 3) return { depth, bitmap, packed, place: { found: true } };
  return { depth, bitmap, packed, place: { found: false, other: other === null ? null : asOther(other) } };
}

function checkSiblings(depth: number, bitmap: Bytes, packed: Bytes): void {
  let at = 0;
  for (let i = 0; i < bitmap.length * 8; i++) {
    if (!isPresent(bitmap, i)) continue;
    if (i >= depth) throw malformed('an unused bit of the bitmap is set');
    if (at + HASH_LENGTH > packed.length) throw malformed('fewer siblings than the bitmap says');
    if (isEmpty(packed, at)) throw malformed('an empty sibling is written out');
    at += HASH_LENGTH;
  }
  if (at !== packed.length) throw malformed('more siblings than the bitmap says');
  // Beside an empty subtree, a single leaf or an empty place would stand one level up: no map has such a node.
  if (depth > 0 && !isPresent(bitmap, depth - 1)) throw malformed('the deepest sibling is empty');
}

function asOther(item: Cbor | undefined): { k: Bytes; v: Bytes } {
  const [k, v] = Array.isArray(item) && item.length === 2 ? (item as readonly Cbor[]) : [];
  if (!isHash(k) || !isHash(v)) throw malformed('the other leaf is not two hashes');
  return { k, v };
}

/**
 * Verifies that under `root` the record of `key` is `value`, or, with null, that there is none.
 * @param root 32 bytes @param key the full encoded key @param value the full encoded record
 * @throws FACT_INVALID the proof is for something else; PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC
 */
export function verifyFact(hasher: Hasher, root: Bytes, key: Bytes, value: Bytes | null, proof: Bytes): void {
  new FactVerifier(hasher, root, 1).verify(key, value, proof);
}

/** A node that is under the root: 32 bytes from `at` on. Both that are below it are known, or neither. */
interface Known {
  readonly bytes: Bytes;
  readonly at: number;
  below?: readonly [left: Known, right: Known];
}

/** Levels below the one at which as many paths have parted, if they are spread evenly. */
const BEYOND = 2;

/**
 * Verifies facts under one root. What their paths have in common is hashed once, and compared from then on: the root and the proofs
 * are kept, and may not change meanwhile.
 */
export class FactVerifier {
  readonly #hasher: Hasher;
  readonly #root: Known;
  /** Levels below the root that are remembered. */
  readonly #levels: number;

  /** @param root 32 bytes @param count how many facts there will be, or about as many */
  constructor(hasher: Hasher, root: Bytes, count: number) {
    this.#hasher = hasher;
    this.#root = { bytes: root, at: 0 };
    this.#levels = count > 1 ? Math.ceil(Math.log2(count)) + BEYOND : 0;
  }

  /** As {@link verifyFact}. */
  verify(key: Bytes, value: Bytes | null, proof: Bytes): void {
    const packed = readProof(proof);
    if (this.#root.bytes.length !== HASH_LENGTH) throw fail('FACT_INVALID', 'the state root is not 32 bytes');
    const k = keyHash(this.#hasher, key);
    const place = placeHash(this.#hasher, k, value, packed.depth, packed.place);
    const siblings = siblingsOf(packed);
    let known = this.#root;
    let depth = 0;
    for (; known.below && depth < packed.depth; depth++) {
      const right = bitAt(k, depth);
      const { bytes, at } = siblings[depth]!;
      if (!sameHash(known.below[1 - right]!, bytes, at)) throw elsewhere();
      known = known.below[right];
    }
    const nodes = this.#fold(k, place, siblings, depth);
    if (!sameHash(known, nodes[0]!, 0)) throw elsewhere();
    for (let i = 1; i < nodes.length && depth < this.#levels; i++, depth++) {
      const [own, other] = [{ bytes: nodes[i]!, at: 0 }, siblings[depth]!];
      known.below = bitAt(k, depth) === 1 ? [other, own] : [own, other];
      known = own;
    }
  }

  /** The nodes on the path of `k`, from the one at `depth` down to the place: 32 bytes each. */
  #fold(k: Hash, place: Bytes, siblings: readonly Known[], depth: number): readonly Bytes[] {
    const nodes = new Array<Bytes>(siblings.length - depth + 1);
    let node = place;
    nodes[siblings.length - depth] = node;
    for (let i = siblings.length - 1; i >= depth; i--) {
      const { bytes, at } = siblings[i]!;
      node = foldedHash(this.#hasher, node, bitAt(k, i) === 1, bytes, at);
      nodes[i - depth] = node;
    }
    return nodes;
  }
}

function elsewhere() {
  return fail('FACT_INVALID', 'the proof does not lead to the state root');
}

function sameHash(known: Known, bytes: Bytes, at: number): boolean {
  for (let i = 0; i < HASH_LENGTH; i++) if (known.bytes[known.at + i] !== bytes[at + i]) return false;
  return true;
}

const EMPTY_BYTES = bytesOfHash(EMPTY);

function siblingsOf({ depth, bitmap, packed }: PackedProof): Known[] {
  const siblings: Known[] = [];
  let at = 0;
  for (let i = 0; i < depth; i++) {
    if (isPresent(bitmap, i)) {
      siblings.push({ bytes: packed, at });
      at += HASH_LENGTH;
    } else siblings.push({ bytes: EMPTY_BYTES, at: 0 });
  }
  return siblings;
}

/** The hash of the place that the path leads to, 32 bytes: what the proof says is there. */
function placeHash(hasher: Hasher, k: Hash, value: Bytes | null, depth: number, place: Place): Bytes {
  if (place.found) {
    if (value === null) throw fail('FACT_INVALID', 'a proof of presence for an absence');
    return leafBytes(hasher, k, valueBytes(hasher, value));
  }
  if (value !== null) throw fail('FACT_INVALID', 'a proof of absence for a value');
  if (!place.other) return EMPTY_BYTES;
  const k2 = toCharacters(place.other.k);
  if (k2 === k) throw fail('FACT_INVALID', 'the other leaf has the key that should be absent');
  for (let i = 0; i < depth; i++) {
    if (bitAt(k2, i) !== bitAt(k, i)) {
      throw fail('FACT_INVALID', 'the other leaf is not where the key would be');
    }
  }
  return leafBytes(hasher, k2, place.other.v);
}

function bitmapLength(depth: number): number {
  return Math.ceil(depth / 8);
}

function isHash(item: Cbor | undefined): item is Bytes {
  return item instanceof Uint8Array && item.length === HASH_LENGTH;
}

/** Bit i, most significant first. */
function isPresent(bitmap: Bytes, i: number): boolean {
  return (bitmap[i >> 3]! & (0x80 >> (i & 7))) !== 0;
}

/** Whether the 32 bytes from `at` on are zero. */
function isEmpty(bytes: Bytes, at = 0): boolean {
  for (let i = at; i < at + HASH_LENGTH; i++) if (bytes[i] !== 0) return false;
  return true;
}

function malformed(message: string) {
  return fail('PROOF_MALFORMED', message);
}
