/**
 * The proof bundle (FORMATS §6): what a gate answers, and what a party archives. Deterministic CBOR, one encoding for one
 * bundle. Decoding reads the form strictly and verifies nothing: see bundle-verify.ts.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode, encodeWith } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { isMap } from '../cose/index.ts';
import {
  bytesOf,
  factsOf,
  indexOf,
  itemsOf,
  listOf,
  pathOf,
  tipItem,
  tipOf,
  writeFacts,
} from './claimed-state.ts';
import { decodeEffectProof, type EffectProof, effectItem } from './effect.ts';
import type { ClaimedFact, ClaimedTip } from './facts.ts';

/** A logged statement that belongs to the answer, and what it did. */
export interface ClaimedEvidence {
  readonly index: number;
  /** Canonical bytes. */
  readonly statement: Bytes;
  /** Inclusion in the checkpoint's tree, RFC 9162 §2.1.3.1. */
  readonly path: readonly Bytes[];
  readonly effect: EffectProof;
}

export interface Bundle {
  readonly step: string;
  /** CBOR data, as the step's gate declares it. */
  readonly request: Cbor;
  /** Unix milliseconds: the time that everything is judged at. */
  readonly at: number;
  readonly decision: 'allow' | 'deny';
  /** Why it is denied; null when it is allowed. */
  readonly reason: string | null;
  /** Signed note. */
  readonly checkpoint: string;
  readonly tip: ClaimedTip;
  /** Exactly what the gate read, in the order of the first read. */
  readonly facts: readonly ClaimedFact[];
  readonly entries: readonly ClaimedEvidence[];
  /** From an older tree of `from` leaves to the checkpoint's. */
  readonly consistency?: { readonly from: number; readonly path: readonly Bytes[] };
}

const VERSION = 1;
const MEMBERS = ['v', 'at', 'tip', 'step', 'facts', 'reason', 'entries', 'request', 'decision', 'checkpoint'];
/** Bytes: far above a contract with all its signatories, far below what would hurt to read. */
export const MAX_BUNDLE = 4 << 20;
const MAX_ENTRIES = 64;

export function encodeBundle(bundle: Bundle): Bytes {
  const { step, request, at, decision, reason, checkpoint, tip, facts, entries, consistency } = bundle;
  return encodeWith((to) => {
    const member = (name: string, value: Cbor) => {
      to.item(name, 1);
      to.item(value, 1);
    };
    // In the order of their encoded names, RFC 8949 §4.2.1.
    to.beginMap(MEMBERS.length + (consistency ? 1 : 0));
    member('v', VERSION);
    member('at', at);
    member('tip', tipItem(tip));
    member('step', step);
    to.item('facts', 1);
    writeFacts(to, facts);
    member('reason', reason);
    member('entries', entryItems(entries));
    member('request', request);
    member('decision', decision);
    member('checkpoint', checkpoint);
    if (consistency) member('consistency', [consistency.from, consistency.path]);
  });
}

/** @throws BUNDLE_MALFORMED whatever is wrong with the form */
export function decodeBundle(bytes: Bytes): Bundle {
  if (bytes.length > MAX_BUNDLE) throw malformed(`longer than ${MAX_BUNDLE} bytes`);
  try {
    return bundleOf(decode(bytes));
  } catch (cause) {
    if (!isLedgerError(cause) || cause.code === 'BUNDLE_MALFORMED') throw cause;
    throw fail('BUNDLE_MALFORMED', cause.message, { cause });
  }
}

/** A bundle for others: the consistency proof connects it with what its first reader had seen, which is nobody else's. */
export function withoutConsistency(bytes: Bytes): Bytes {
  const { consistency: _, ...bundle } = decodeBundle(bytes);
  return encodeBundle(bundle);
}

function bundleOf(item: Cbor): Bundle {
  if (!isMap(item) || item.get('v') !== VERSION) throw malformed('not a proof bundle of version 1');
  const consistency = item.get('consistency');
  const count = MEMBERS.length + (consistency === undefined ? 0 : 1);
  if (item.size !== count || MEMBERS.some((name) => !item.has(name))) {
    throw malformed('a member is missing, or is not known');
  }
  return {
    step: textOf(item.get('step'), 'step'),
    request: item.get('request')!,
    at: indexOf(item.get('at'), 'at', malformed),
    ...decisionOf(item),
    checkpoint: textOf(item.get('checkpoint'), 'checkpoint'),
    tip: tipOf(item.get('tip'), malformed),
    facts: factsOf(item.get('facts'), malformed),
    entries: listOf(item.get('entries'), 'entries', MAX_ENTRIES, malformed).map(entryOf),
    ...(consistency !== undefined && { consistency: consistencyOf(consistency) }),
  };
}

function decisionOf(map: CborMap): Pick<Bundle, 'decision' | 'reason'> {
  const decision = map.get('decision');
  const reason = map.get('reason');
  if (decision === 'allow' && reason === null) return { decision, reason };
  if (decision === 'deny' && typeof reason === 'string') return { decision, reason };
  throw malformed('neither an allowance nor a denial with a reason');
}

export function entryItems(entries: readonly ClaimedEvidence[]): Cbor {
  return entries.map(({ index, statement, path, effect }) => {
    return [index, statement, path, effectItem(effect)];
  });
}

/** @throws BUNDLE_MALFORMED; what is wrong with the proof of its effect */
export function entryOf(item: Cbor): ClaimedEvidence {
  const [index, statement, path, effect] = itemsOf(item, 'entry', 4, malformed);
  return {
    index: indexOf(index, 'an entry’s index', malformed),
    statement: bytesOf(statement, 'statement', malformed),
    path: pathOf(path, malformed),
    effect: decodeEffectProof(encode(effect!)),
  };
}

function consistencyOf(item: Cbor): NonNullable<Bundle['consistency']> {
  const [from, path] = itemsOf(item, 'consistency', 2, malformed);
  return { from: indexOf(from, 'an older size', malformed), path: pathOf(path, malformed) };
}

function textOf(item: Cbor | undefined, name: string): string {
  if (typeof item !== 'string') throw malformed(`${name} is not text`);
  return item;
}

function malformed(message: string) {
  return fail('BUNDLE_MALFORMED', message);
}
