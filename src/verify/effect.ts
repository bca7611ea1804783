/**
 * Effect proofs (FORMATS §4): what a logged statement did. Inclusion is not acceptance; the state entry that closes
 * a batch commits to one verdict for each of its statements.
 */
import { decodeStateEntry, decodeVerdict } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { leafHash, verifyInclusion } from '../merkle/index.ts';
import type { TreeHead } from './head.ts';

export interface EffectProof {
  /** Index of the state entry that closes the batch. */
  readonly stateIndex: number;
  /** Its leaf data. */
  readonly stateEntry: Bytes;
  /** Inclusion of the state entry in the tree, RFC 9162 §2.1.3.1. */
  readonly path: readonly Bytes[];
  /** CBOR of `[index, "ok" / "refused", reason / nil]`. */
  readonly verdict: Bytes;
  /** Inclusion of the verdict under the state entry's effects root; its place there follows from the indexes. */
  readonly verdictPath: readonly Bytes[];
}

export interface VerifiedEffect {
  readonly index: number;
  readonly outcome: 'ok' | 'refused';
  /** Reason code of a refusal. */
  readonly reason: string | null;
  readonly stateIndex: number;
  /** When it took effect: Unix milliseconds of the state entry. */
  readonly time: number;
}

const MAX_PATH = 63;

/** `[state-index, state-entry, path, verdict, verdict-path]`, deterministic CBOR. */
export function encodeEffectProof(proof: EffectProof): Bytes {
  return encode(effectItem(proof));
}

/** {@link encodeEffectProof} as data, for what it is a part of. */
export function effectItem({ stateIndex, stateEntry, path, verdict, verdictPath }: EffectProof): Cbor {
  return [stateIndex, stateEntry, path, verdict, verdictPath];
}

/** @throws PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC */
export function decodeEffectProof(bytes: Bytes): EffectProof {
  const members = decode(bytes);
  if (!Array.isArray(members) || members.length !== 5) throw malformed('not five members');
  const [stateIndex, stateEntry, path, verdict, verdictPath] = members as readonly Cbor[];
  if (typeof stateIndex !== 'number' || stateIndex < 0) throw malformed('the state index is not an index');
  if (!(stateEntry instanceof Uint8Array)) throw malformed('the state entry is not bytes');
  if (!(verdict instanceof Uint8Array)) throw malformed('the verdict is not bytes');
  return { stateIndex, stateEntry, path: asPath(path), verdict, verdictPath: asPath(verdictPath) };
}

/**
 * What the statement at `index` did, proven under `head`.
 * @param head verified by the caller
 * @throws INCLUSION_INVALID the state entry is not in the tree, or did not close the batch of this statement, or
 * the verdict is not under it
 * @throws PROOF_MALFORMED, ENTRY_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC
 */
export function verifyEffect(
  hasher: Hasher,
  head: TreeHead,
  index: number,
  { stateIndex, stateEntry, path, verdict, verdictPath }: EffectProof,
): VerifiedEffect {
  const state = decodeStateEntry(stateEntry);
  if (state.index !== stateIndex)
    throw fail('INCLUSION_INVALID', `the state entry is that of ${state.index}`);
  const leaf = leafHash(hasher, stateEntry);
  verifyInclusion(hasher, { ...head, index: stateIndex, leafHash: leaf, proof: path });
  // The statements between the previous state entry and this one, and no others, are what it closes.
  const first = state.previous === null ? 0 : state.previous + 1;
  if (index < first || index >= stateIndex) {
    throw fail('INCLUSION_INVALID', `the state entry ${stateIndex} closes ${first} to ${stateIndex - 1}`);
  }
  const { index: of, outcome, reason } = decodeVerdict(verdict);
  if (of !== index) throw fail('INCLUSION_INVALID', `the verdict is that of entry ${of}`);
  verifyInclusion(hasher, {
    index: index - first,
    size: stateIndex - first,
    leafHash: leafHash(hasher, verdict),
    proof: verdictPath,
    root: state.effectsRoot,
  });
  return { index, outcome, reason, stateIndex, time: state.time };
}

function asPath(value: Cbor | undefined): Bytes[] {
  if (!Array.isArray(value) || value.length > MAX_PATH) throw malformed(`more than ${MAX_PATH} hashes`);
  return (value as readonly Cbor[]).map((hash) => {
    if (!(hash instanceof Uint8Array) || hash.length !== 32) throw malformed('a hash is not 32 bytes');
    return hash;
  });
}

function malformed(message: string) {
  return fail('PROOF_MALFORMED', message);
}
