/**
 * Verifies a proof bundle, in the order of FORMATS §6. What is verified is decided by the caller's own question, never by
 * the bundle's; and it is this software that decides, from what is proven: the bundle's own decision has to be the
 * same, and is believed in nothing.
 */
import { decideProven, POLICY, type ProvenFact, policyAt, rulesId, type StateEntry } from '../chain/index.ts';
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { CLOCK_TOLERANCE, freshness } from '../note/index.ts';
import { FactVerifier } from '../statemap/index.ts';
import { type Bundle, decodeBundle } from './bundle.ts';
import { verifyEvidence } from './bundle-entries.ts';
import { checkExtends } from './consistency.ts';
import { GENESIS_KEY, readGenesis, verifyTip } from './facts.ts';
import { climbCheckpoint, describeHead, type SignedTreeHead, type TreeHead, witnessPolicy } from './head.ts';
import { climb, type Ladder, type Verification } from './ladder.ts';
import { climbReplay } from './replayers.ts';
import type { Trust } from './trust.ts';

/** The verifier's own question. */
export interface Question {
  readonly step: string;
  /** As CBOR data or a plain object with the members that the step declares. */
  readonly request: Cbor;
}

export interface BundleEvidence {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly bundle: Bytes;
  /** Without it the bundle is reported on: nothing in it allows anything. */
  readonly question?: Question;
  /** The largest heads that the verifier has accepted before. */
  readonly marks?: { readonly logged?: TreeHead; readonly witnessed?: TreeHead };
  /** The verifier's clock, Unix milliseconds; needed unless `archive`. */
  readonly now?: number;
  /** The bundle is of the past: neither freshness nor marks are looked at, and nothing is allowed. */
  readonly archive?: boolean;
  /**
   * The operator's word is enough for what the state is. Insecure: who runs the log can then make the state that a
   * decision rests on. The answer repeats it.
   */
  readonly insecureTrustOperator?: boolean;
}

export interface VerifiedBundle {
  /** `as of`: an archived answer. `report`: what a bundle says to a question that nobody here has asked. */
  readonly outcome: 'allow' | 'deny' | 'as of' | 'report';
  /** What the proven facts lead to, at `at`. */
  readonly recorded: { readonly decision: 'allow' | 'deny'; readonly reason: string | null };
  readonly step: string;
  readonly request: Cbor;
  /** Unix milliseconds. */
  readonly at: number;
  readonly head: SignedTreeHead;
  readonly witnessed: boolean;
  /** Nobody but the operator vouches for the state. */
  readonly operatorTrusted: boolean;
  /** A log for development: what it says binds nobody. */
  readonly simulated: boolean;
  readonly tip: StateEntry;
  readonly facts: readonly ProvenFact[];
}

/** Seconds that a head may be old when the trust file sets no limit. */
export const DEFAULT_FRESHNESS = 60;

/** @example proven(verifyBundle({ crypto, trust, bundle, question, now: Date.now() })).outcome === 'allow' */
export function verifyBundle(evidence: BundleEvidence): Verification<VerifiedBundle> {
  const { crypto, trust, insecureTrustOperator: operatorTrusted = false } = evidence;
  return climb((ladder) => {
    const bundle = climbForm(ladder, evidence);
    climbQuestion(ladder, evidence, bundle);
    const head = climbCheckpoint(ladder, evidence, bundle.checkpoint);
    const witnessed = climbReplay(ladder, trust, head, operatorTrusted);
    climbMarks(ladder, evidence, bundle, head);
    const tip = climbTip(ladder, crypto, bundle, head);
    const { simulated } = climbGenesis(ladder, trust, bundle);
    climbRules(ladder, crypto, trust, tip);
    const age = climbFreshness(ladder, evidence, bundle, head, tip);
    climbFacts(ladder, crypto, bundle, tip);
    climbEntries(ladder, crypto, bundle, head);
    climbDecision(ladder, bundle);
    climbClock(ladder, evidence, bundle, age);
    const { step, request, at, decision, reason } = bundle;
    return {
      ...{ outcome: outcomeOf(evidence, decision), recorded: { decision, reason } },
      ...{ step, request, at, head, witnessed, operatorTrusted, simulated, tip },
      facts: bundle.facts.map(({ key, value }) => ({ key, value })),
    };
  });
}

function outcomeOf({ archive, question }: BundleEvidence, decision: 'allow' | 'deny') {
  if (archive) return 'as of';
  return question ? decision : 'report';
}

function climbForm(ladder: Ladder, { bundle }: BundleEvidence): Bundle {
  return ladder.step('bundle', () => {
    const value = decodeBundle(bundle);
    return { value, detail: `an answer to ${value.step}, with ${value.facts.length} facts` };
  });
}

function climbQuestion(ladder: Ladder, { question }: BundleEvidence, { step, request }: Bundle): void {
  if (!question) {
    ladder.skip('question', 'none was asked: this is a report of what the bundle says');
    return;
  }
  ladder.step('question', () => {
    if (question.step !== step) throw fail('REQUEST_MISMATCH', `the bundle is for ${step}`);
    if (!equal(encode(question.request), encode(request))) {
      throw fail('REQUEST_MISMATCH', 'the bundle answers another request');
    }
    return { value: undefined, detail: `${step}, as asked` };
  });
}

/** Above a mark the bundle has to extend the very root that was seen; below the mark that counts it is stale. */
function climbMarks(
  ladder: Ladder,
  { crypto, trust, marks, archive }: BundleEvidence,
  { consistency }: Bundle,
  head: SignedTreeHead,
): void {
  if (archive) {
    ladder.skip('consistency', 'an archived answer is not held against what was seen since');
    return;
  }
  const logged = marks?.logged;
  if (!logged && !consistency) {
    ladder.skip('consistency', 'no tree has been seen before');
    return;
  }
  ladder.step('consistency', () => {
    const floor = witnessPolicy(trust) ? marks?.witnessed : logged;
    if (floor && head.size < floor.size) {
      throw fail('STALE', `a state of ${head.size}; that of ${floor.size} was seen before`);
    }
    // What cannot be checked has no place in the bundle.
    const from = logged && logged.size <= head.size ? logged : undefined;
    if (consistency && consistency.from !== from?.size) {
      throw fail('BUNDLE_MALFORMED', `consistency with a tree of ${consistency.from}, which is not the mark`);
    }
    if (!from) return { value: undefined, detail: 'below the logged mark, to be connected with it' };
    if (!consistency && head.size > from.size) {
      throw fail('BUNDLE_INCOMPLETE', `no proof that the tree extends that of ${from.size}, seen before`);
    }
    try {
      checkExtends(crypto, from, head, consistency?.path ?? []);
    } catch (cause) {
      if (!isLedgerError(cause, 'CONSISTENCY_INVALID')) throw cause;
      throw fail('FORK', `the log cannot show that its tree extends the ${describeHead(from)}`, { cause });
    }
    return { value: undefined, detail: `extends the ${describeHead(from)}` };
  });
}

function climbTip(ladder: Ladder, crypto: Crypto, { tip }: Bundle, head: SignedTreeHead): StateEntry {
  return ladder.step('tip', () => {
    const value = verifyTip(crypto, head, tip);
    return { value, detail: `state entry ${value.index} of ${new Date(value.time).toISOString()}` };
  });
}

/** Every gate reads the genesis first. That the record is in the state, the facts step shows. */
function climbGenesis(ladder: Ladder, trust: Trust, { facts }: Bundle): { readonly simulated: boolean } {
  return ladder.step('genesis', () => {
    const genesis = facts.find(({ key }) => equal(key, GENESIS_KEY));
    if (!genesis) throw fail('BUNDLE_INCOMPLETE', 'the genesis record is not among the facts');
    const { entry, origin, simulated } = readGenesis(genesis.value);
    if (!equal(entry, trust.genesis) || origin !== trust.origin) {
      throw fail('ORIGIN_MISMATCH', `the state is that of another log: genesis ${toBase64url(entry)}`);
    }
    return { value: { simulated }, detail: toBase64url(entry) };
  });
}

/** The gates of this software are those of its own rules: without a list, no others are accepted. */
function climbRules(ladder: Ladder, crypto: Crypto, { rules }: Trust, tip: StateEntry): void {
  ladder.step('rules', () => {
    const id = toBase64url(tip.rules);
    if (!(rules ?? [rulesId(crypto)]).some((rule) => equal(rule, tip.rules))) {
      throw fail('RULES_MISMATCH', `the state was made under the rules ${id}, which are not accepted`);
    }
    return { value: undefined, detail: id };
  });
}

/** @returns the age of the view in seconds; undefined for an archived one */
function climbFreshness(
  ladder: Ladder,
  { trust, now, archive }: BundleEvidence,
  { at }: Bundle,
  { cosignatures }: SignedTreeHead,
  tip: StateEntry,
): number | undefined {
  return ladder.step('freshness', () => {
    if (tip.time > at) throw fail('TIP_INVALID', 'the state is later than the time that it is judged at');
    const judged = `judged at ${new Date(at).toISOString()}`;
    if (archive) return { value: undefined, detail: `${judged}; how long ago does not count` };
    if (now === undefined)
      throw fail('ARGUMENT_INVALID', 'without a clock only an archived bundle is verified');
    if (at > now + CLOCK_TOLERANCE * 1000) throw fail('TIP_INVALID', `${judged}, which is in the future`);
    const policy = witnessPolicy(trust);
    // Without cosigners, that the head was the newest at `at` is the operator's word.
    const seen = policy ? freshness(policy, cosignatures, now / 1000) : at / 1000;
    if (seen === undefined) throw fail('STALE', 'nobody vouches for when the head was seen');
    const age = Math.max(0, Math.ceil((now - Math.min(at, seen * 1000)) / 1000));
    const limit = trust.freshnessSeconds ?? DEFAULT_FRESHNESS;
    if (age > limit) throw fail('STALE', `the view is ${age} s old, at most ${limit} s are accepted`);
    return {
      value: age,
      detail: `${judged}, ${age} s old by ${policy ? 'its quorum' : 'the operator’s word'}`,
    };
  });
}

function climbFacts(ladder: Ladder, crypto: Crypto, { facts }: Bundle, tip: StateEntry): void {
  ladder.step('facts', () => {
    const verifier = new FactVerifier(crypto, tip.mapRoot, facts.length);
    for (const { key, value, proof } of facts) verifier.verify(key, value, proof);
    const absent = facts.filter(({ value }) => value === null).length;
    return { value: undefined, detail: `${facts.length} under the state root, ${absent} of them absent` };
  });
}

function climbEntries(ladder: Ladder, crypto: Crypto, bundle: Bundle, head: SignedTreeHead): void {
  const { entries, facts } = bundle;
  if (entries.length === 0) {
    ladder.skip('entries', 'the answer brings none');
    return;
  }
  ladder.step('entries', () => {
    for (const entry of entries) verifyEvidence(crypto, head, entry, readerOf(facts));
    return {
      value: undefined,
      detail: `${entries.length} logged, accepted, and signed by keys that were good`,
    };
  });
}

/** The gate, over what is proven: the same decision, resting on exactly these facts and entries. */
function climbDecision(
  ladder: Ladder,
  { step, request, at, decision, reason, facts, entries }: Bundle,
): void {
  ladder.step('decision', () => {
    const own = decideOver(step, request, at, facts);
    if (own.decision !== decision || own.reason !== reason) {
      throw fail(
        'DECISION_MISMATCH',
        `the facts say ${own.reason ?? own.decision}, not ${reason ?? decision}`,
      );
    }
    if (own.reads.length !== facts.length || !own.reads.every((key, i) => equal(key, facts[i]!.key))) {
      throw fail('BUNDLE_MALFORMED', 'the facts are not those that the decision rests on, in their order');
    }
    const indexes = entries.map(({ index }) => index);
    if (own.evidence.some((index) => !indexes.includes(index))) {
      throw fail('BUNDLE_INCOMPLETE', 'an entry that belongs to the answer is missing');
    }
    if (indexes.length !== own.evidence.length || indexes.some((index, i) => index !== own.evidence[i])) {
      throw fail('BUNDLE_MALFORMED', 'the entries are not those that belong to the answer, in their order');
    }
    return { value: undefined, detail: reason === null ? decision : `${decision}: ${reason}` };
  });
}

/** What is allowed at `at` has to be allowed at the verifier's own time too: a grant may have expired meanwhile. */
function climbClock(
  ladder: Ladder,
  { archive, question, now }: BundleEvidence,
  { step, request, at, decision, facts }: Bundle,
  age: number | undefined,
): void {
  if (archive || !question || decision === 'deny') {
    ladder.skip('clock', 'nothing is allowed');
    return;
  }
  ladder.step('clock', () => {
    const own = decideOver(step, request, Math.max(at, now!), facts);
    if (own.decision === 'deny') throw fail('STALE', `by the verifier’s own clock: ${own.reason}`);
    // The log's own limit, where the decision rests on its policy.
    const policy = facts.find(({ key }) => equal(key, POLICY.key()));
    const limit =
      policy && policyAt(policy.value ? POLICY.decode(policy.value) : undefined, now!).headFreshness;
    if (limit !== undefined && age! > limit) {
      throw fail('STALE', `the view is ${age} s old, the log’s policy accepts ${limit} s`);
    }
    return { value: undefined, detail: 'allowed at the verifier’s own time as well' };
  });
}

/** What other rules than ours wrote may not read here: that is for the bundle to bear, not a defect. */
function decideOver(step: string, request: Cbor, at: number, facts: readonly ProvenFact[]) {
  try {
    return decideProven(step, request, at, facts);
  } catch (cause) {
    if (!isLedgerError(cause, 'INTERNAL')) throw cause;
    throw fail('FACT_INVALID', 'a record cannot be read', { cause });
  }
}

function readerOf(facts: readonly ProvenFact[]) {
  return (key: Bytes): Bytes | undefined => {
    const fact = facts.find((candidate) => equal(candidate.key, key));
    if (!fact) throw fail('BUNDLE_INCOMPLETE', 'a record that is needed is neither proven nor disproved');
    return fact.value ?? undefined;
  };
}
