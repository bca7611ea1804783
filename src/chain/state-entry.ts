/**
 * State entries and verdicts (FORMATS §2). A state entry is the last leaf of every published tree: it fixes the time
 * of the statements before it, says what each of them did, and carries the root of the state map.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { assembleProof, inclusionNodes } from '../merkle/proof-nodes.ts';
import { leafHash, treeRoot } from '../merkle/tree.ts';
import { MAX_SECONDS } from './schema.ts';

const LABEL = 'aichain/state/v1';
const HASH = 32;
/** 9999-12-31T23:59:59.999Z: every time up to here has a date. */
const LAST_TIME = MAX_SECONDS * 1000 + 999;

export interface StateEntry {
  /** Its own index: the last of its tree. */
  readonly index: number;
  /** Unix milliseconds; never decreases from one state entry to the next. */
  readonly time: number;
  /** Root of the state map after all entries before this one, 32 bytes, and how many records it has. */
  readonly mapRoot: Bytes;
  readonly mapCount: number;
  /** Id of the rules in force, 32 bytes. */
  readonly rules: Bytes;
  /** Index of the state entry before this one; null in the first. */
  readonly previous: number | null;
  /** {@link effectsRoot} of the statements strictly between, 32 bytes. */
  readonly effectsRoot: Bytes;
}

/** What a statement did. `reason` is a Reason; readers of other versions' logs may meet one that they do not know. */
export interface Verdict {
  readonly index: number;
  readonly outcome: 'ok' | 'refused';
  readonly reason: string | null;
}

/** The leaf data: deterministic CBOR, always longer than the 32 bytes of a statement's. */
export function encodeStateEntry(entry: StateEntry): Bytes {
  const { index, time, mapRoot, mapCount, rules, previous, effectsRoot } = entry;
  return encode([LABEL, index, time, mapRoot, mapCount, rules, previous, effectsRoot]);
}

/** @throws ENTRY_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC */
export function decodeStateEntry(bytes: Bytes): StateEntry {
  const members = asArray(decode(bytes), 8);
  const [label, index, time, mapRoot, mapCount, rules, previous, effectsRoot] = members;
  if (label !== LABEL) throw malformed(`not labelled ${LABEL}`);
  const entry = {
    index: asUint(index),
    time: asUint(time),
    mapRoot: asHash(mapRoot),
    mapCount: asUint(mapCount),
    rules: asHash(rules),
    previous: previous === null ? null : asUint(previous),
    effectsRoot: asHash(effectsRoot),
  };
  if (entry.time > LAST_TIME) throw malformed('a time beyond the year 9999');
  // The genesis is entry 0, so no state entry is there, and each comes after the one before it.
  if (entry.index < 1 || (entry.previous !== null && entry.previous >= entry.index)) {
    throw malformed('an index that cannot be');
  }
  return entry;
}

export function encodeVerdict({ index, outcome, reason }: Verdict): Bytes {
  return outcome === 'ok' && reason === null && index >= PLAIN_FROM && index < PLAIN_TO
    ? plainVerdict(index)
    : encode([index, outcome, reason]);
}

/** Indexes of five bytes. */
const PLAIN_FROM = 0x1_0000;
const PLAIN_TO = 0x1_0000_0000;
const PLAIN = encode([PLAIN_FROM, 'ok', null]);

/** Nearly all verdicts of a large log are of this form. */
function plainVerdict(index: number): Bytes {
  const bytes = PLAIN.slice();
  bytes[2] = index >>> 24;
  bytes[3] = index >>> 16;
  bytes[4] = index >>> 8;
  bytes[5] = index;
  return bytes;
}

/** @throws ENTRY_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC */
export function decodeVerdict(bytes: Bytes): Verdict {
  const [index, outcome, reason] = asArray(decode(bytes), 3);
  if (outcome !== 'ok' && outcome !== 'refused') throw malformed('neither "ok" nor "refused"');
  if (reason !== null && (typeof reason !== 'string' || !/^[A-Z][A-Z0-9_]{0,63}$/.test(reason))) {
    throw malformed('not a reason');
  }
  if (outcome === 'refused' && reason === null) throw malformed('refused without a reason');
  return { index: asUint(index), outcome, reason };
}

/** RFC 9162 root over the encoded verdicts, in the order of their indexes; without any it is H(""). */
export function effectsRoot(hasher: Hasher, verdicts: readonly Verdict[]): Bytes {
  return treeRoot(hasher, leafHashes(hasher, verdicts));
}

/** Inclusion path of the verdict at `position` (0 for the first) under {@link effectsRoot}: hashes of 32 bytes. */
export function verdictPath(hasher: Hasher, verdicts: readonly Verdict[], position: number): Bytes[] {
  const leaves = leafHashes(hasher, verdicts);
  return assembleProof(hasher, inclusionNodes(position, leaves.length), ({ level, index }) =>
    treeRoot(hasher, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
  );
}

function leafHashes(hasher: Hasher, verdicts: readonly Verdict[]): Bytes[] {
  return verdicts.map((verdict) => leafHash(hasher, encodeVerdict(verdict)));
}

function asArray(value: Cbor, length: number): readonly Cbor[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(`not an array of ${length}`);
  return value as readonly Cbor[];
}

function asUint(value: Cbor | undefined): number {
  if (typeof value !== 'number' || value < 0) throw malformed('not an unsigned integer up to 2^53 − 1');
  return value;
}

function asHash(value: Cbor | undefined): Bytes {
  if (!(value instanceof Uint8Array) || value.length !== HASH) throw malformed('not a hash of 32 bytes');
  return value;
}

function malformed(message: string) {
  return fail('ENTRY_MALFORMED', message);
}
