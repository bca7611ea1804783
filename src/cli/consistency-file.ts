/**
 * A consistency proof in a file, in the encoding of RFC 9942 §4.2: `[tree-size-1, tree-size-2, path]`. It has no
 * signature of its own: the two checkpoints that it connects have. A consistency receipt of the log serves as well.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { decodeReceipt } from '../cose/index.ts';
import { MAX_PATH } from '../merkle/index.ts';
import { artifactType } from './artifact.ts';

export interface ConsistencyFile {
  readonly from: number;
  readonly to: number;
  /** Hashes of 32 bytes, RFC 9162 §2.1.4.1. */
  readonly path: readonly Bytes[];
}

export function encodeConsistency({ from, to, path }: ConsistencyFile): Bytes {
  return encode([from, to, path]);
}

/** @throws PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC; for a receipt as decodeReceipt */
export function decodeConsistency(bytes: Bytes): ConsistencyFile {
  if (artifactType(bytes) === 'consistency receipt') {
    const { size1, size2, path } = decodeReceipt(bytes).consistency[0]!;
    return { from: Number(size1), to: Number(size2), path };
  }
  const members = decode(bytes, { maxItems: 256 });
  if (!Array.isArray(members) || members.length !== 3) throw malformed('not three members');
  const [from, to, path] = members as readonly Cbor[];
  if (!isSize(from) || !isSize(to)) throw malformed('a size is not an unsigned integer');
  if (!Array.isArray(path) || path.length > MAX_PATH)
    throw malformed(`not a path of at most ${MAX_PATH} hashes`);
  for (const hash of path as readonly Cbor[]) {
    if (!(hash instanceof Uint8Array) || hash.length !== 32) throw malformed('a hash is not 32 bytes');
  }
  return { from, to, path: path as readonly Bytes[] };
}

function isSize(value: Cbor | undefined): value is number {
  return typeof value === 'number' && value >= 0;
}

function malformed(message: string) {
  return fail('PROOF_MALFORMED', message);
}
