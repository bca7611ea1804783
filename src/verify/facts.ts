/**
 * Facts: what the state of the chain is, or was, at a head. The last leaf of every published tree carries the root of
 * the state map; a fact is a record under it, or the proof that there is none.
 */
import { decodeStateEntry, GENESIS, type StateEntry } from '../chain/index.ts';
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { leafHash, verifyInclusion } from '../merkle/index.ts';
import { CLOCK_TOLERANCE, freshness } from '../note/index.ts';
import { FactVerifier } from '../statemap/index.ts';
import { climbCheckpoint, climbQuorum, type SignedTreeHead, witnessPolicy } from './head.ts';
import { climb, type Ladder, type Verification } from './ladder.ts';
import type { Trust } from './trust.ts';

export interface ClaimedFact {
  /** The full encoded key: CBOR array `[type, id, …]`. */
  readonly key: Bytes;
  /** The full encoded record; null: there is none. */
  readonly value: Bytes | null;
  /** CBOR map proof (FORMATS §3). */
  readonly proof: Bytes;
}

export interface ClaimedTip {
  readonly index: number;
  readonly stateEntry: Bytes;
  /** Inclusion of the state entry in the checkpoint's tree. */
  readonly path: readonly Bytes[];
}

export interface FactsEvidence {
  readonly crypto: Crypto;
  readonly trust: Trust;
  /** A signed note. */
  readonly checkpoint: string;
  readonly tip: ClaimedTip;
  readonly facts: readonly ClaimedFact[];
  /** The keys that were asked for: the facts must be exactly these, in this order. */
  readonly keys?: readonly Bytes[];
  /** The verifier's clock, Unix milliseconds; without it nothing is said about how old the answer is. */
  readonly now?: number;
}

export interface VerifiedFacts {
  readonly head: SignedTreeHead;
  readonly witnessed: boolean;
  /** The state entry at the head's last leaf. */
  readonly tip: StateEntry;
  /** In the order of the evidence. */
  readonly facts: readonly { readonly key: Bytes; readonly value: Bytes | null }[];
}

/** @example proven(verifyFacts({ crypto, trust, checkpoint, tip, facts, keys, now: Date.now() })).facts */
export function verifyFacts(evidence: FactsEvidence): Verification<VerifiedFacts> {
  return climb((ladder) => {
    const head = climbCheckpoint(ladder, evidence, evidence.checkpoint);
    const witnessed = climbQuorum(ladder, evidence.trust, head);
    const tip = climbState(ladder, evidence, head);
    return { head, witnessed, tip, facts: evidence.facts.map(({ key, value }) => ({ key, value })) };
  });
}

/** Everything about a state but who vouches for its head. */
export function climbState(ladder: Ladder, evidence: FactsEvidence, head: SignedTreeHead): StateEntry {
  const tip = climbTip(ladder, evidence, head);
  climbRules(ladder, evidence, tip);
  climbFreshness(ladder, evidence, head, tip);
  climbFacts(ladder, evidence, tip);
  climbGenesis(ladder, evidence);
  return tip;
}

function climbTip(ladder: Ladder, { crypto, tip }: FactsEvidence, head: SignedTreeHead): StateEntry {
  return ladder.step('tip', () => {
    const value = verifyTip(crypto, head, tip);
    return { value, detail: `state entry ${value.index} of ${new Date(value.time).toISOString()}` };
  });
}

/**
 * The state entry that is the last leaf of the head's tree.
 * @throws TIP_INVALID it is not: an earlier state entry is true too, but of the past
 * @throws ENTRY_MALFORMED, PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC
 */
export function verifyTip(
  crypto: Crypto,
  head: { readonly size: number; readonly root: Bytes },
  { index, stateEntry, path }: ClaimedTip,
): StateEntry {
  if (index !== head.size - 1) throw fail('TIP_INVALID', `entry ${index} is not the last of ${head.size}`);
  const state = decodeStateEntry(stateEntry);
  if (state.index !== index) throw fail('TIP_INVALID', `the state entry is that of ${state.index}`);
  try {
    verifyInclusion(crypto, { ...head, index, leafHash: leafHash(crypto, stateEntry), proof: path });
  } catch (cause) {
    if (!isLedgerError(cause, 'INCLUSION_INVALID')) throw cause;
    throw fail('TIP_INVALID', 'the state entry is not the last leaf of the tree', { cause });
  }
  return state;
}

function climbRules(ladder: Ladder, { trust }: FactsEvidence, tip: StateEntry): void {
  const { rules } = trust;
  if (!rules) {
    ladder.skip('rules', 'the trust file accepts any rules');
    return;
  }
  ladder.step('rules', () => {
    const id = toBase64url(tip.rules);
    if (!rules.some((rule) => equal(rule, tip.rules))) {
      throw fail(
        'RULES_MISMATCH',
        `the state was made under the rules ${id}, which the trust file does not accept`,
      );
    }
    return { value: undefined, detail: id };
  });
}

/** With a policy, when its quorum saw the head; without one, the log's own time is all there is. */
function climbFreshness(
  ladder: Ladder,
  { trust, now }: FactsEvidence,
  head: SignedTreeHead,
  tip: StateEntry,
): void {
  const { freshnessSeconds: limit } = trust;
  if (limit === undefined || now === undefined) {
    ladder.skip('freshness', now === undefined ? 'no clock was given' : 'the trust file sets no limit');
    return;
  }
  ladder.step('freshness', () => {
    if (tip.time > now + CLOCK_TOLERANCE * 1000) throw fail('TIP_INVALID', 'the log’s time is in the future');
    const policy = witnessPolicy(trust);
    const seen = policy ? freshness(policy, head.cosignatures, now / 1000) : tip.time / 1000;
    if (seen === undefined) throw fail('STALE', 'nobody vouches for when the head was seen');
    const age = Math.max(0, Math.ceil(now / 1000 - seen));
    if (age > limit) throw fail('STALE', `the view is ${age} s old, at most ${limit} s are accepted`);
    return { value: undefined, detail: `${age} s old, by ${policy ? 'its quorum' : 'the log’s own time'}` };
  });
}

function climbFacts(ladder: Ladder, { crypto, facts, keys }: FactsEvidence, tip: StateEntry): void {
  ladder.step('facts', () => {
    if (keys) checkKeys(keys, facts);
    const verifier = new FactVerifier(crypto, tip.mapRoot, facts.length);
    for (const { key, value, proof } of facts) verifier.verify(key, value, proof);
    const absent = facts.filter(({ value }) => value === null).length;
    return { value: undefined, detail: `${facts.length} under the state root, ${absent} of them absent` };
  });
}

/** @throws FACT_INVALID: an answer to another question is no answer */
function checkKeys(keys: readonly Bytes[], facts: readonly ClaimedFact[]): void {
  if (facts.length !== keys.length)
    throw fail('FACT_INVALID', `${facts.length} facts for ${keys.length} keys`);
  facts.forEach(({ key }, i) => {
    if (!equal(key, keys[i]!))
      throw fail('FACT_INVALID', `fact ${i + 1} is not of the key that was asked for`);
  });
}

/** Where the genesis record is among the facts, it has to be that of the trusted log. */
function climbGenesis(ladder: Ladder, { trust, facts }: FactsEvidence): void {
  const genesis = facts.find(({ key }) => equal(key, GENESIS_KEY));
  if (!genesis) {
    ladder.skip('genesis', 'the genesis record is not among the facts');
    return;
  }
  ladder.step('genesis', () => {
    const { entry, origin } = readGenesis(genesis.value);
    if (!equal(entry, trust.genesis) || origin !== trust.origin) {
      throw fail('ORIGIN_MISMATCH', `the state is that of another log: genesis ${toBase64url(entry)}`);
    }
    return { value: undefined, detail: toBase64url(entry) };
  });
}

/** Key of the genesis record: asked for, it pins an answer to the trusted genesis. */
export const GENESIS_KEY = GENESIS.key('genesis');

/** @throws FACT_INVALID */
export function readGenesis(value: Bytes | null) {
  try {
    if (value) return GENESIS.decode(value);
  } catch (cause) {
    throw fail('FACT_INVALID', 'the genesis record cannot be read', { cause });
  }
  throw fail('FACT_INVALID', 'the state has no genesis record');
}
