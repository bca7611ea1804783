/**
 * Does the file convict the log? Every head in it is under the log's own signature and everything else is proven under
 * those heads, so that nothing rests on the word of whoever made the file.
 */
import { decodeStateEntry } from '../chain/index.ts';
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { leafHash, nodeHash, rootFromConsistency, verifyInclusion } from '../merkle/index.ts';
import { verifyEffect } from './effect.ts';
import { leftEdge } from './entries.ts';
import type { ClaimedTip } from './facts.ts';
import { sameHead, type TreeHead } from './head.ts';
import { climb, type Verification } from './ladder.ts';
import {
  type ClaimedLeaf,
  decodeMisbehaviour,
  type Misbehaviour,
  type MisbehaviourKind,
} from './misbehaviour.ts';
import { climbHead, type ShownHead } from './misbehaviour-heads.ts';
import { refute, showRun } from './misbehaviour-state.ts';
import type { Trust } from './trust.ts';

export interface MisbehaviourEvidence {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly file: Bytes;
}

/** The log is convicted of this. */
export interface ProvenMisbehaviour {
  readonly kind: MisbehaviourKind;
  readonly origin: string;
  readonly heads: readonly TreeHead[];
  /** What the log did, in one sentence. */
  readonly what: string;
  /** What alone the log could answer with; absent: nothing. */
  readonly rebuttal?: string;
}

/**
 * @throws nothing but defects: a file that convicts nobody has MISBEHAVIOUR_UNPROVEN, or what is wrong with its parts
 * @example proven(verifyMisbehaviour({ crypto: nodeCrypto, trust, file })).what
 */
export function verifyMisbehaviour(evidence: MisbehaviourEvidence): Verification<ProvenMisbehaviour> {
  return climb((ladder) => {
    const file = ladder.step('misbehaviour', () => {
      const value = decodeMisbehaviour(evidence.file);
      if (value.origin !== evidence.trust.origin) {
        throw fail('ORIGIN_MISMATCH', `it is about ${value.origin}`);
      }
      return { value, detail: `said of ${value.origin}: ${value.kind}` };
    });
    const heads =
      file.heads.length === 1
        ? [climbHead(ladder, evidence, file.heads[0], 'checkpoint')]
        : [
            climbHead(ladder, evidence, file.heads[0], 'first head'),
            climbHead(ladder, evidence, file.heads[1], 'second head'),
          ];
    const found = ladder.step('contradiction', () => {
      const value = contradiction(evidence, file, heads[0]!, heads[1]);
      return { value, detail: value.what };
    });
    return { kind: file.kind, origin: file.origin, heads, ...found };
  });
}

type Found = Pick<ProvenMisbehaviour, 'what' | 'rebuttal'>;

function contradiction(
  { crypto, trust }: MisbehaviourEvidence,
  file: Misbehaviour,
  first: ShownHead,
  second: ShownHead | undefined,
): Found {
  switch (file.kind) {
    case 'fork':
      return fork(first, second!);
    case 'rewrite':
      return rewrite(crypto, first, second!, file.leaf);
    case 'missing':
      return missing(crypto, file, first, second!);
    case 'unconnected':
      return unconnected(crypto, first, second!, file.path);
    case 'time':
      return timeBack(crypto, first, file.states);
    case 'refused': {
      const { outcome, reason } = verifyEffect(crypto, first, file.index, file.effect);
      if (outcome !== 'refused') throw unproven(`entry ${file.index} was accepted`);
      return { what: `it has logged entry ${file.index}, which its own verdict refuses: ${reason}` };
    }
    case 'state': {
      const run = showRun(crypto, first, file.run);
      const refutation = refute(crypto, trust.origin, first, file.run, run);
      if (!refutation) throw unproven(`state entry ${run.index} is what the rules lead to`);
      const { detail, rebuttal } = refutation;
      return {
        what: `its state entry ${run.index} is false: ${detail}`,
        ...(rebuttal !== undefined && { rebuttal }),
      };
    }
  }
}

function fork(first: TreeHead, second: TreeHead): Found {
  if (first.size !== second.size) throw unproven('the heads are of different sizes');
  if (sameHead(first, second)) throw unproven('the two heads are one');
  return { what: `it has signed two trees of ${first.size} entries` };
}

function rewrite(crypto: Crypto, older: TreeHead, newer: TreeHead, leaf: ClaimedLeaf): Found {
  const { index, path } = leaf;
  if (older.size === 0 || index !== older.size - 1 || older.size >= newer.size) {
    throw unproven('the leaf is not the last one of the older tree, in the newer one');
  }
  verifyInclusion(crypto, { ...newer, index, leafHash: leaf.leafHash, proof: path });
  // The path holds every subtree to the left of the leaf: what the newer tree says that it began with.
  const begins = leftEdge(index, newer.size, path);
  begins.append(crypto, leaf.leafHash);
  return notPrefix(older, newer, begins.root(crypto));
}

/** @param begins root of the first leaves of the newer tree, as many as the older one has */
function notPrefix(older: TreeHead, newer: TreeHead, begins: Bytes): Found {
  if (equal(begins, older.root)) throw unproven('the newer tree does begin with the older one');
  return {
    what: `its tree of ${newer.size} does not begin with its tree of ${older.size}, but with one of root ${toBase64url(begins)}: entries were rewritten, dropped or put in`,
  };
}

function missing(
  crypto: Crypto,
  { leaves, heads }: Extract<Misbehaviour, { kind: 'missing' }>,
  first: ShownHead,
  second: ShownHead,
): Found {
  const [claimed, found] = leaves;
  const promised = claimed ?? receiptLeaf(crypto, heads[0], first);
  if (claimed) verifyInclusion(crypto, { ...first, ...inclusionOf(claimed) });
  verifyInclusion(crypto, { ...second, ...inclusionOf(found) });
  if (promised.index !== found.index) throw unproven('the leaves are at different indexes');
  if (equal(promised.leafHash, found.leafHash)) throw unproven('the leaf is still there');
  return {
    what: `it has signed that entry ${found.index} has the leaf hash ${toBase64url(promised.leafHash)}, and that it has ${toBase64url(found.leafHash)}: what was logged is not there any more`,
  };
}

function inclusionOf({ index, leafHash, path }: ClaimedLeaf) {
  return { index, leafHash, proof: path };
}

function receiptLeaf(crypto: Crypto, head: Misbehaviour['heads'][number] | undefined, shown: ShownHead) {
  if (head === undefined || typeof head === 'string' || shown.index === undefined) {
    throw unproven('a checkpoint alone does not say what is in its tree');
  }
  return { index: shown.index, leafHash: leafHash(crypto, head.entryId) };
}

function timeBack(crypto: Crypto, head: TreeHead, states: readonly [ClaimedTip, ClaimedTip]): Found {
  const [before, after] = states.map(({ index, stateEntry, path }) => {
    verifyInclusion(crypto, { ...head, index, leafHash: leafHash(crypto, stateEntry), proof: path });
    const entry = decodeStateEntry(stateEntry);
    if (entry.index !== index) throw unproven(`the state entry at ${index} says that it is ${entry.index}`);
    return entry;
  });
  if (before!.index >= after!.index) throw unproven('the state entries are not in the order of the log');
  if (after!.time >= before!.time) throw unproven('time goes on from the first to the second');
  const [from, to] = [before!, after!].map(({ time }) => new Date(time).toISOString());
  return {
    what: `its time went back: ${from} at entry ${before!.index}, ${to} at entry ${after!.index}`,
  };
}

/**
 * A path that fails proves nothing by itself. One that leads to the newer root does: it says what that tree began with.
 */
function unconnected(crypto: Crypto, older: TreeHead, newer: TreeHead, path: readonly Bytes[]): Found {
  if (older.size === newer.size) return fork(older, newer);
  if (older.size > newer.size) throw unproven('the heads are not in the order of their sizes');
  const begins = beginningOf(crypto, older, newer, path);
  if (begins) return notPrefix(older, newer, begins);
  throw unproven(
    'the path does not fit, and anybody can damage a path: ask the log for a proof between these two heads that it has signed. If it gives none, its silence speaks for itself',
  );
}

/** The root that the path shows the newer tree to begin with; undefined: it does not lead to the newer root. */
function beginningOf(crypto: Crypto, older: TreeHead, newer: TreeHead, path: readonly Bytes[]) {
  if (path.length === 0 || older.size === 0) return undefined;
  // Of a perfect older tree the path leaves the root out (RFC 9162 §2.1.4.1); written out, it is the first hash.
  const perfect = Number.isInteger(Math.log2(older.size));
  const begins = perfect ? path[0]! : olderRoot(crypto, older.size, newer.size, path);
  try {
    const leads = rootFromConsistency(crypto, older.size, newer.size, begins, perfect ? path.slice(1) : path);
    return equal(leads, newer.root) ? begins : undefined;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/** The older root as the path has it, RFC 9162 §2.1.4.2: of its hashes, those that lie to the left. */
function olderRoot(crypto: Crypto, from: number, to: number, [seed, ...rest]: readonly Bytes[]): Bytes {
  let [fn, sn] = [BigInt(from) - 1n, BigInt(to) - 1n];
  const up = () => {
    fn >>= 1n;
    sn >>= 1n;
  };
  while (fn % 2n === 1n) up();
  let root = seed!;
  for (const hash of rest) {
    if (fn % 2n === 1n || fn === sn) {
      root = nodeHash(crypto, hash, root);
      while (fn % 2n === 0n && fn !== 0n) up();
    }
    up();
  }
  return root;
}

function unproven(message: string) {
  return fail('MISBEHAVIOUR_UNPROVEN', message);
}
