/**
 * Computing one run again from a proof: the state entry that the rules lead to, from nothing but the leaves, the records
 * that the rules read, and the nodes of the map around them.
 */
import {
  decodeStateEntry,
  effectsRoot,
  type LoggedEntry,
  parseStatement,
  rulesId,
  type StateEntry,
  type StateReader,
  transition,
  type Verdict,
  type Write,
  WrittenState,
} from '../chain/index.ts';
import { type Bytes, equal, toBase64url, toCharacters, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { leafHash, verifyInclusion } from '../merkle/index.ts';
import { valueHash } from '../statemap/hash.ts';
import { verifyEffect } from './effect.ts';
import { leftEdge } from './entries.ts';
import type { TreeHead } from './head.ts';
import { MissingNode, PartialMap } from './misbehaviour-map.ts';
import type { ClaimedEarlier, ClaimedRun } from './misbehaviour-run.ts';

const EMPTY_ROOT = new Uint8Array(32);
/** FORMATS §2: leaf data of a statement; that of a state entry is longer. */
const ENTRY_ID = 32;

/** A run whose leaves are known to be in the tree. */
export interface ShownRun {
  readonly start: number;
  /** null: the run begins with the genesis. */
  readonly previous: StateEntry | null;
  readonly statements: readonly Bytes[];
  /** Index of the leaf that closes the run. */
  readonly index: number;
  /** That leaf, whatever it is. */
  readonly closing: Bytes;
}

/** What is wrong with a state entry. `rebuttal`: what the log could still show to clear itself. */
export interface Refutation {
  readonly detail: string;
  readonly rebuttal?: string;
}

/**
 * That the leaves of the run are in the tree.
 * @throws INCLUSION_INVALID, PROOF_MALFORMED; MISBEHAVIOUR_UNPROVEN the state entry before the run is none itself
 */
export function showRun(crypto: Crypto, head: TreeHead, run: ClaimedRun): ShownRun {
  const { start, leaves, firstPath, lastPath } = run;
  const data = leaves.map((leaf, i) => (isState(run, i) ? leaf : crypto.sha256(leaf)));
  const index = start + leaves.length - 1;
  const edge = leftEdge(start, head.size, firstPath);
  for (const leaf of data.slice(0, -1)) edge.append(crypto, leafHash(crypto, leaf));
  const closing = data.at(-1)!;
  verifyInclusion(crypto, { ...head, index, leafHash: leafHash(crypto, closing), proof: lastPath });
  const proven = leftEdge(index, head.size, lastPath).hashes;
  const { hashes } = edge;
  if (hashes.length !== proven.length || !hashes.every((hash, i) => equal(hash, proven[i]!))) {
    throw fail('INCLUSION_INVALID', `the leaves from ${start} are not those of the tree of ${head.size}`);
  }
  const previous = start === 0 ? null : stateEntryAt(leaves[0]!, start);
  if (start > 0 && !previous) {
    throw fail('MISBEHAVIOUR_UNPROVEN', `leaf ${start} before the run is no state entry`);
  }
  return {
    start,
    previous: previous ?? null,
    statements: leaves.slice(start === 0 ? 0 : 1, -1),
    index,
    closing,
  };
}

function isState({ start, leaves }: ClaimedRun, i: number): boolean {
  return i === leaves.length - 1 || (i === 0 && start > 0);
}

/** Undefined: the bytes are no state entry of this index. */
function stateEntryAt(leaf: Bytes, index: number): StateEntry | undefined {
  try {
    const entry = decodeStateEntry(leaf);
    return entry.index === index ? entry : undefined;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/**
 * What is wrong with the leaf that closes the run; undefined: nothing.
 * @throws RULES_MISMATCH other rules than this software has; MISBEHAVIOUR_UNPROVEN the proof lacks something
 */
export function refute(
  crypto: Crypto,
  origin: string,
  head: TreeHead,
  claimed: ClaimedRun,
  run: ShownRun,
): Refutation | undefined {
  const { previous, index, closing, start } = run;
  const entry = stateEntryAt(closing, index);
  if (!entry) {
    // In the middle of a tree a leaf of 32 bytes is a statement like any other.
    if (closing.length <= ENTRY_ID && index !== head.size - 1) {
      throw fail('MISBEHAVIOUR_UNPROVEN', `leaf ${index} is a statement, and closes nothing`);
    }
    return { detail: `leaf ${index} is no state entry of this index, and every signed tree ends in one` };
  }
  if (entry.previous !== (previous?.index ?? null)) {
    return {
      detail: `it names ${entry.previous} as the state entry before it, which is ${previous?.index ?? null}`,
    };
  }
  if (previous && entry.time < previous.time) {
    return {
      detail: `its time, ${date(entry.time)}, is before ${date(previous.time)}, that of entry ${start}`,
    };
  }
  if (!equal(entry.rules, rulesId(crypto))) {
    throw fail('RULES_MISMATCH', 'the state entry was made under rules that this software does not have');
  }
  const computed = complete(() => compute(crypto, origin, head, claimed, run, entry.time));
  const wrong = [
    differs('effects root', computed.effectsRoot, entry.effectsRoot),
    differs('state root', computed.mapRoot, entry.mapRoot),
    computed.mapCount === entry.mapCount
      ? []
      : [`${entry.mapCount} records: the rules lead to ${computed.mapCount}`],
  ].flat();
  if (wrong.length === 0) return undefined;
  return {
    detail: wrong.join('; '),
    ...(claimed.earlier.length === 0 && {
      rebuttal:
        'the log could only answer by showing that one of these statements is in an earlier entry as well',
    }),
  };
}

function differs(name: string, computed: Bytes, claimed: Bytes): string[] {
  return equal(computed, claimed)
    ? []
    : [`${name} ${toBase64url(claimed)}: the rules lead to ${toBase64url(computed)}`];
}

function date(time: number): string {
  return new Date(time).toISOString();
}

/** A proof that lacks a node proves nothing, whoever left it out. */
function complete<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof MissingNode)) throw cause;
    throw fail('MISBEHAVIOUR_UNPROVEN', cause.message, { cause });
  }
}

/** @throws MissingNode */
function compute(
  crypto: Crypto,
  origin: string,
  head: TreeHead,
  claimed: ClaimedRun,
  run: ShownRun,
  time: number,
): Pick<StateEntry, 'effectsRoot' | 'mapRoot' | 'mapCount'> {
  const { previous } = run;
  const map = new PartialMap(crypto, previous?.mapRoot ?? EMPTY_ROOT, previous?.mapCount ?? 0, claimed.nodes);
  const records = new Map(claimed.records.map(([key, value]) => [toHex(key), value]));
  const read = (key: Bytes): Bytes | undefined => {
    const hash = map.valueHash(key);
    if (!hash) return undefined;
    const value = records.get(toHex(key));
    if (!value || valueHash(crypto, value) !== toCharacters(hash)) {
      throw fail('MISBEHAVIOUR_UNPROVEN', 'a record that the rules read is not in the proof');
    }
    return value;
  };
  const { verdicts, writes } = execute(crypto, origin, head, claimed, run, time, read);
  for (const [key, value] of writes) map.put(key, value);
  return { effectsRoot: effectsRoot(crypto, verdicts), mapRoot: map.root, mapCount: map.count };
}

/** The statements of the run, in order, over the state that it begins with. */
export function execute(
  crypto: Crypto,
  origin: string,
  head: TreeHead,
  { earlier: shown }: Pick<ClaimedRun, 'earlier'>,
  run: ShownRun,
  time: number,
  before: StateReader,
): { readonly verdicts: readonly Verdict[]; readonly writes: readonly Write[] } {
  const earlier = new Earlier(crypto, head, run, shown);
  const written = new WrittenState(before);
  const first = run.index - run.statements.length;
  const verdicts = run.statements.map((statement, i) => {
    const index = first + i;
    earlier.checkRefs(statement);
    const { verdict, writes } = transition({
      ...{ crypto, origin, index, time, statement, read: written.read },
      entryIndex: (entryId) => earlier.indexOf(entryId),
      entryAt: (at) => earlier.at(at),
    });
    written.add(writes);
    earlier.add(index, statement, verdict.outcome === 'ok');
    return verdict;
  });
  return { verdicts, writes: written.writes };
}

/** What the rules are told of entries before the one that is judged: those of the run, and those that the proof shows. */
class Earlier {
  readonly #crypto: Crypto;
  readonly #first: number;
  readonly #byId = new Map<string, number>();
  readonly #byIndex = new Map<number, LoggedEntry | undefined>();
  readonly #otherLeaf = new Map<number, Bytes>();

  constructor(crypto: Crypto, head: TreeHead, run: ShownRun, shown: readonly ClaimedEarlier[]) {
    this.#crypto = crypto;
    this.#first = run.index - run.statements.length;
    for (const { index, leafHash: hash, path, statement, effect } of shown) {
      verifyInclusion(crypto, { ...head, index, leafHash: hash, proof: path });
      const accepted = effect && verifyEffect(crypto, head, index, effect).outcome === 'ok';
      if (statement === null) {
        if (accepted !== false) this.#otherLeaf.set(index, hash);
        this.#byIndex.set(index, undefined);
        continue;
      }
      const entryId = crypto.sha256(statement);
      if (!equal(leafHash(crypto, entryId), hash)) {
        throw fail('PREIMAGE_MISMATCH', `the statement of entry ${index} is not the one that was logged`);
      }
      const id = toHex(entryId);
      this.#byId.set(id, Math.min(index, this.#byId.get(id) ?? index));
      if (accepted !== null) this.#byIndex.set(index, accepted ? this.#logged(statement) : undefined);
    }
  }

  /** A leaf that is only named must not be the one that a statement refers to. @throws MISBEHAVIOUR_UNPROVEN */
  checkRefs(bytes: Bytes): void {
    for (const ref of this.#parsed(bytes)?.chain?.refs ?? []) {
      const other = this.#otherLeaf.get(ref.index);
      if (other && equal(other, leafHash(this.#crypto, ref.entry))) throw unshown(ref.index);
    }
  }

  indexOf(entryId: Bytes): number | undefined {
    return this.#byId.get(toHex(entryId));
  }

  at(index: number): LoggedEntry | undefined {
    if (this.#byIndex.has(index)) return this.#byIndex.get(index);
    if (index >= this.#first) return undefined;
    throw unshown(index);
  }

  add(index: number, statement: Bytes, accepted: boolean): void {
    const id = toHex(this.#crypto.sha256(statement));
    if (!this.#byId.has(id)) this.#byId.set(id, index);
    this.#byIndex.set(index, accepted ? this.#logged(statement) : undefined);
  }

  #logged(statement: Bytes): LoggedEntry | undefined {
    const parsed = this.#parsed(statement);
    return parsed && { entryId: parsed.entryId, kind: parsed.chain?.kind ?? null };
  }

  #parsed(bytes: Bytes) {
    try {
      return parseStatement(this.#crypto, bytes);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return undefined;
    }
  }
}

function unshown(index: number) {
  return fail('MISBEHAVIOUR_UNPROVEN', `what entry ${index} is, and did, is not in the proof`);
}
