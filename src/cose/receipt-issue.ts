/**
 * How this log writes receipts, FORMATS §4: one signature for each tree head and kind of proof, and any number of
 * receipts from it that differ only in the unprotected proof.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, encode, headLength, writeHead } from '../core/cbor.ts';
import type { PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { Slab } from '../core/slab.ts';
import { HASH_LENGTH, meetingLevel } from '../merkle/index.ts';
import { cwtClaims } from './cwt-claims.ts';
import { AICHAIN, ALG, CWT_CLAIMS, KID, TYP, VDP, VDS } from './header.ts';
import {
  CONSISTENCY,
  CONSISTENCY_RECEIPT_TYPE,
  type ConsistencyProof,
  INCLUSION,
  INCLUSION_RECEIPT_TYPE,
  type InclusionProof,
  RFC9162_SHA256,
} from './receipt.ts';
import { encodeSign1, sigStructure } from './sign1.ts';

/** What goes before every receipt of one tree head. */
export interface ReceiptHeader {
  /** Thumbprint of the receipt key, 32 bytes. */
  kid: Bytes;
  /** The issuer: the log's URL or DID. */
  service: string;
  origin: string;
  /** Unix milliseconds. */
  time: number;
  size: number;
  /** Default: inclusion. */
  proof?: 'inclusion' | 'consistency';
}

/** Deterministic protected header of FORMATS §4: constant for one tree head and kind of proof. alg is ES256. */
export function receiptProtected({
  kid,
  service,
  origin,
  time,
  size,
  proof = 'inclusion',
}: ReceiptHeader): Bytes {
  return encode(
    new Map<number | string, Cbor>([
      [ALG, -7],
      [KID, kid],
      [CWT_CLAIMS, cwtClaims(service, origin, time)],
      [TYP, proof === 'inclusion' ? INCLUSION_RECEIPT_TYPE : CONSISTENCY_RECEIPT_TYPE],
      [VDS, RFC9162_SHA256],
      [AICHAIN, { size }],
    ]),
  );
}

/**
 * The one signature that all receipts of a tree head share: over the detached 32-byte root.
 * @throws ALG_NOT_ALLOWED the receipt key is not a P-256 key
 */
export function signTreeHead(key: PrivateKey, protectedBytes: Bytes, root: Bytes): Bytes {
  if (key.algorithm !== 'ES256') throw fail('ALG_NOT_ALLOWED', 'receipts are signed with ES256');
  return key.sign(sigStructure(protectedBytes, root));
}

interface SignedHead {
  /** Of {@link receiptProtected}. */
  protectedBytes: Bytes;
  /** Of {@link signTreeHead}. */
  signature: Bytes;
}

export function encodeInclusionReceipt(parts: SignedHead & InclusionProof): Bytes {
  return encodeReceipt(parts, INCLUSION, encode([parts.size, parts.index, parts.path]));
}

/** Of a byte string of 32 bytes. */
const HASH_HEAD = headLength(HASH_LENGTH);

const RECEIPTS = new Slab();

/**
 * The inclusion receipts of one tree head: what {@link encodeInclusionReceipt} gives for each leaf. They share all but the
 * proof, and a log makes one for each statement, so only that is encoded anew.
 */
export class InclusionReceipts {
  readonly #size: number;
  readonly #before: Bytes;
  readonly #after: Bytes;
  /** That was made before: of the leaf next to it all but a few bytes are the same. */
  #last: { readonly index: number; readonly hashes: number; readonly receipt: Bytes } | undefined;

  constructor(head: SignedHead, size: number) {
    this.#size = size;
    const empty = encodeReceipt(head, INCLUSION, new Uint8Array(0));
    // Behind the proof: a payload of nil, and the signature.
    const after = 1 + headLength(head.signature.length) + head.signature.length;
    this.#before = empty.slice(0, -after - 1);
    this.#after = empty.slice(-after);
  }

  /**
   * To be sent, or copied, and not changed: those that are made one after the other share their memory.
   * @param path of the leaf in the tree of this head, 32 bytes for each hash
   */
  encode(index: number, path: Bytes): Bytes {
    const hashes = path.length / HASH_LENGTH;
    const heads = 1 + headLength(this.#size) + headLength(index) + headLength(hashes);
    const length = heads + hashes * (HASH_HEAD + HASH_LENGTH);
    const [before, after] = [this.#before, this.#after];
    const receipt = RECEIPTS.take(before.length + headLength(length) + length + after.length);
    const last = this.#last;
    let changed = hashes;
    if (last?.hashes === hashes && last.receipt.length === receipt.length) {
      receipt.set(last.receipt);
      changed = Math.min(hashes, meetingLevel(index, last.index));
    } else {
      receipt.set(before);
      receipt.set(after, receipt.length - after.length);
    }
    let at = writeHead(receipt, before.length, 'bytes', length);
    at = writeHead(receipt, at, 'array', 3);
    at = writeHead(receipt, at, 'uint', this.#size);
    at = writeHead(receipt, at, 'uint', index);
    at = writeHead(receipt, at, 'array', hashes);
    for (let from = 0; from < changed * HASH_LENGTH; from += HASH_LENGTH) {
      at = writeHead(receipt, at, 'bytes', HASH_LENGTH);
      // For as few bytes, a loop takes less than the view that a call would copy from.
      for (let i = 0; i < HASH_LENGTH; i++) receipt[at + i] = path[from + i]!;
      at += HASH_LENGTH;
    }
    this.#last = { index, hashes, receipt };
    return receipt;
  }
}

/** Its protected bytes and signature are those made with `proof: 'consistency'`, at `size2`. */
export function encodeConsistencyReceipt(parts: SignedHead & ConsistencyProof): Bytes {
  return encodeReceipt(parts, CONSISTENCY, encode([parts.size1, parts.size2, parts.path]));
}

function encodeReceipt({ protectedBytes, signature }: SignedHead, type: number, proof: Bytes): Bytes {
  const unprotected = new Map([[VDP, new Map([[type, [proof]]])]]);
  return encodeSign1({ protectedBytes, unprotected, payload: null, signature });
}
