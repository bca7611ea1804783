/**
 * Was this statement registered in the log that I trust? From files alone: the statement, a receipt (or a
 * `.tlog-proof`), and what else there is. The statement's own bytes decide what is looked for; a valid receipt for
 * another statement is the classic hole.
 */
import { parseStatement, type Statement, toBeSigned, verificationKey } from '../chain/index.ts';
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../core/errors.ts';
import { type CosePublicKey, decodeTransparentStatement, thumbprint } from '../cose/index.ts';
import { leafHash, rootFromInclusion, verifyConsistency } from '../merkle/index.ts';
import { parseCheckpoint, parseNote, parseTlogProof } from '../note/index.ts';
import { type EffectProof, type VerifiedEffect, verifyEffect } from './effect.ts';
import {
  climbCheckpoint,
  climbQuorum,
  describeHead,
  type SignedTreeHead,
  sameHead,
  type TreeHead,
} from './head.ts';
import { climb, type Ladder, type Verification } from './ladder.ts';
import { firstPlacement, ownReceipts, type Placement, readReceipt } from './placement.ts';
import type { Trust } from './trust.ts';

export interface RegistrationEvidence {
  readonly crypto: Crypto;
  readonly trust: Trust;
  /** As it was sent or received; a transparent statement brings its receipts in header 394. */
  readonly statement: Bytes;
  /** Takes the place of those in the statement. */
  readonly receipt?: Bytes;
  /** C2SP tlog-proof v1, in the place of a receipt. */
  readonly tlogProof?: Bytes | string;
  /** The key that the issuer is known to have, from wherever the verifier learnt it. */
  readonly issuerKey?: CosePublicKey;
  /** A signed note, with what cosignatures it has. */
  readonly checkpoint?: string;
  /** RFC 9162 consistency path between the receipt's tree and the checkpoint's, where their sizes differ. */
  readonly consistency?: readonly Bytes[];
  readonly effect?: EffectProof;
}

export interface VerifiedRegistration {
  readonly statement: Statement;
  /** 32 bytes, computed from the statement. */
  readonly entryId: Bytes;
  readonly index: number;
  /** The tree that it is proven to be in. */
  readonly head: TreeHead;
  /** Whether a quorum of the trust file's policy has seen a tree that holds it. */
  readonly witnessed: boolean;
  /** Undefined: logged, effect unknown. */
  readonly effect: VerifiedEffect | undefined;
}

/**
 * The steps are those of FORMATS §4, in this order; see {@link StepName}.
 * @throws ARGUMENT_INVALID both a receipt and a tlog-proof were given
 * @example
 * const { verified, steps } = verifyRegistration({ crypto: nodeCrypto, trust, statement, receipt });
 */
export function verifyRegistration(evidence: RegistrationEvidence): Verification<VerifiedRegistration> {
  if (evidence.receipt && evidence.tlogProof !== undefined) {
    throw fail('ARGUMENT_INVALID', 'a receipt or a tlog-proof, not both');
  }
  return climb((ladder) => {
    const { statement, receipts } = climbStatement(ladder, evidence);
    const { entryId } = statement;
    climbIssuer(ladder, evidence, statement);
    const { placement, note } =
      evidence.tlogProof === undefined
        ? climbReceipt(ladder, evidence, entryId, receipts)
        : climbTlogProof(ladder, evidence, entryId, evidence.tlogProof);
    const signed = climbHead(ladder, evidence, placement, note);
    const witnessed = climbQuorum(ladder, evidence.trust, signed);
    const heads = signed ? [placement.head, signed] : [placement.head];
    const effect = climbEffect(ladder, evidence, placement.index, heads);
    return { statement, entryId, ...placement, witnessed, effect };
  });
}

type Context = RegistrationEvidence;

function climbStatement(ladder: Ladder, { crypto, trust, statement: bytes }: Context) {
  const { statement, receipts } = ladder.step('statement', () => {
    const { statement: canonical, receipts } = decodeTransparentStatement(bytes);
    const statement = parseStatement(crypto, canonical);
    const { chain, issuer } = statement;
    if (chain && chain.log !== trust.origin) {
      throw fail('ORIGIN_MISMATCH', `the statement was made for ${chain.log}`);
    }
    return { value: { statement, receipts }, detail: `${chain?.kind ?? 'foreign statement'} of ${issuer}` };
  });
  ladder.step('entry id', () => ({ value: undefined, detail: toBase64url(statement.entryId) }));
  return { statement, receipts };
}

function climbIssuer(ladder: Ladder, { crypto, issuerKey }: Context, statement: Statement): void {
  const given = issuerKey && crypto.importPublicKey(issuerKey.algorithm, issuerKey.bytes);
  const key = given ?? ownKey(crypto, statement);
  if (!key) {
    ladder.skip('issuer signature', 'the issuer’s key was not given');
    return;
  }
  ladder.step('issuer signature', () => {
    if (!equal(thumbprint(crypto, key), statement.kid)) {
      throw fail('SIGNATURE_INVALID', 'the statement names another key than the one given');
    }
    const fits = key.algorithm === statement.algorithm;
    if (!fits || !key.verify(toBeSigned(statement), statement.signature)) {
      throw fail('SIGNATURE_INVALID', 'the issuer’s signature does not verify');
    }
    const whose = given ? 'the key given' : 'the key in the statement itself';
    return { value: undefined, detail: `verifies under ${whose} (${key.algorithm})` };
  });
}

/** A registration is signed by a key that it lists: that proves possession, and nothing about whose key it is. */
function ownKey(crypto: Crypto, statement: Statement): PublicKey | undefined {
  const key = verificationKey(crypto, statement, () => undefined);
  return 'publicKey' in key ? key.publicKey : undefined;
}

function climbReceipt(
  ladder: Ladder,
  { crypto, trust, receipt }: Context,
  entryId: Bytes,
  embedded: readonly Bytes[],
) {
  const candidates = ladder.step('receipt', () => {
    const value = receipt ? [readReceipt(crypto, trust, receipt)] : ownReceipts(crypto, trust, embedded);
    return { value, detail: `of ${trust.origin}, by its receipt key` };
  });
  const placement = ladder.step('inclusion', () => {
    const value = firstPlacement(crypto, trust, candidates, entryId);
    return { value, detail: `entry ${value.index} of the signed ${describeHead(value.head)}` };
  });
  return { placement, note: undefined };
}

function climbTlogProof(ladder: Ladder, { crypto, trust }: Context, entryId: Bytes, text: Bytes | string) {
  const { proof, size, root } = ladder.step('receipt', () => {
    const proof = parseTlogProof(text);
    const { origin, size, root } = parseCheckpoint(parseNote(proof.checkpoint).text);
    if (origin !== trust.origin) throw fail('ORIGIN_MISMATCH', `a proof of the log ${origin}`);
    return { value: { proof, size, root }, detail: `tlog-proof of ${origin}` };
  });
  const placement = ladder.step('inclusion', () => {
    const head = {
      size,
      root: rootFromInclusion(crypto, proof.index, size, leafHash(crypto, entryId), proof.path),
    };
    if (!sameHead(head, { size, root })) {
      throw fail('INCLUSION_INVALID', 'the path does not lead to the root of the checkpoint');
    }
    return {
      value: { index: proof.index, head },
      detail: `entry ${proof.index} of the ${describeHead(head)}`,
    };
  });
  return { placement, note: proof.checkpoint };
}

/**
 * The checkpoint, if there is one, must be of the tree that the proof is in, or be shown to be consistent with it.
 * A tlog-proof's own checkpoint comes first: nothing else vouches for its root.
 */
function climbHead(
  ladder: Ladder,
  evidence: Context,
  { index, head }: Placement,
  note: string | undefined,
): SignedTreeHead | undefined {
  const own = note === undefined ? undefined : climbCheckpoint(ladder, evidence, note);
  if (evidence.checkpoint === undefined) {
    if (!own) ladder.skip('checkpoint', 'no checkpoint was given');
    return own;
  }
  const given = climbCheckpoint(ladder, evidence, evidence.checkpoint);
  ladder.step('consistency', () => {
    // Whoever cosigned it must have seen the entry, not only the tree before it.
    if (given.size <= index)
      throw fail('STALE', `the checkpoint of ${given.size} is older than the entry ${index}`);
    connect(evidence, head, given);
    const how = given.size === head.size ? 'the same tree' : 'shown to be consistent';
    return { value: undefined, detail: `checkpoint and receipt agree: ${how}` };
  });
  return given;
}

/** @throws FORK two roots for one size; CONSISTENCY_INVALID, PROOF_MALFORMED the sizes differ and nothing connects them */
function connect({ crypto, consistency }: Context, a: TreeHead, b: TreeHead): void {
  if (a.size === b.size) {
    // Both are signed: the log itself has shown two trees.
    if (!sameHead(a, b)) throw fail('FORK', `two trees of ${a.size} are signed`);
    return;
  }
  if (!consistency) {
    throw fail(
      'CONSISTENCY_INVALID',
      `the receipt is for ${a.size}, the checkpoint for ${b.size}: no proof connects them`,
    );
  }
  const [older, newer] = a.size < b.size ? [a, b] : [b, a];
  verifyConsistency(crypto, {
    ...{ size1: older.size, root1: older.root, size2: newer.size, root2: newer.root },
    proof: consistency,
  });
}

function climbEffect(
  ladder: Ladder,
  { crypto, effect: proof }: Context,
  index: number,
  heads: readonly TreeHead[],
): VerifiedEffect | undefined {
  if (!proof) return ladder.skip('effect', 'logged, effect unknown');
  return ladder.step('effect', () => {
    const value = effectUnder(crypto, heads, index, proof);
    // Logged by a log that broke its own rules, or by one with other rules: not a registration to rely on.
    if (value.outcome === 'refused') throw refused(value);
    return { value, detail: `accepted at ${new Date(value.time).toISOString()}` };
  });
}

/** The effect under the first of the heads that its path belongs to; all of them are verified and consistent. */
function effectUnder(
  crypto: Crypto,
  heads: readonly TreeHead[],
  index: number,
  proof: EffectProof,
): VerifiedEffect {
  let refusal: unknown;
  for (const head of heads) {
    try {
      return verifyEffect(crypto, head, index, proof);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function refused({ index, reason }: VerifiedEffect): LedgerError {
  const code = reason ?? 'STATE_WRONG';
  return new LedgerError(code, `entry ${index} is in the log and was refused: ${code}`);
}
