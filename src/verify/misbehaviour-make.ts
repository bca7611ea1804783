/**
 * Making a proof of misbehaviour from what a monitor or a client holds. Whatever is made here has been verified the way
 * its readers will: who accuses a log wrongly is believed once.
 */
import { decodeStateEntry, type Write } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { openCheckpoint } from '../note/index.ts';
import { keyHash } from '../statemap/hash.ts';
import type { StateMap } from '../statemap/index.ts';
import type { TreeHead } from './head.ts';
import { encodeMisbehaviour, type Misbehaviour } from './misbehaviour.ts';
import { MissingNode, nodesOnWay, PartialMap, samePrefix } from './misbehaviour-map.ts';
import type { ClaimedRun } from './misbehaviour-run.ts';
import { execute, showRun } from './misbehaviour-state.ts';
import { verifyMisbehaviour } from './misbehaviour-verify.ts';
import type { Trust } from './trust.ts';

type WithoutOrigin<T> = T extends Misbehaviour ? Omit<T, 'origin'> : never;

/** The file, if it convicts the log; undefined: it does not. */
export function makeMisbehaviour(
  crypto: Crypto,
  trust: Trust,
  parts: WithoutOrigin<Misbehaviour>,
): Bytes | undefined {
  const file = encodeMisbehaviour({ ...parts, origin: trust.origin } as Misbehaviour);
  return verifyMisbehaviour({ crypto, trust, file }).verified ? file : undefined;
}

/** A run that replay does not agree with, the state that it begins with, and what its statements refer to. */
export interface RefutedRun
  extends Pick<ClaimedRun, 'start' | 'leaves' | 'firstPath' | 'lastPath' | 'earlier'> {
  /** Signed note, of a tree that holds the run. */
  readonly checkpoint: string;
  /** The state map that the state entry before the run has the root of. */
  readonly before: StateMap;
}

/** A file that shows the closing leaf of the run to be false; undefined: it cannot be shown from this. */
export function makeStateMisbehaviour(crypto: Crypto, trust: Trust, refuted: RefutedRun): Bytes | undefined {
  const { checkpoint, before, ...run } = refuted;
  const make = (claimed: ClaimedRun) =>
    makeMisbehaviour(crypto, trust, { kind: 'state', heads: [checkpoint], run: claimed });
  // What is wrong with the entry itself needs no more than the entry.
  const plain = make({ ...run, records: [], nodes: [], earlier: [] });
  if (plain) return plain;
  try {
    const head = openCheckpoint(crypto, checkpoint, trust.checkpointKey);
    return make({ ...run, ...touched(crypto, trust, head, run, before) });
  } catch (error) {
    // Too little was given, or what the state holds is no record: an alarm all the same, without a proof.
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/** The records that the rules read on the way, and the nodes of the map that the changes need. */
function touched(
  crypto: Crypto,
  { origin }: Trust,
  head: TreeHead,
  claimed: Omit<ClaimedRun, 'records' | 'nodes'>,
  before: StateMap,
): Pick<ClaimedRun, 'records' | 'nodes'> {
  const run = showRun(crypto, head, { ...claimed, records: [], nodes: [] });
  const keys = new Map<string, Bytes>();
  const { time } = decodeStateEntry(run.closing);
  const { writes } = execute(crypto, origin, head, claimed, run, time, (key) => {
    keys.set(toHex(key), key);
    return before.get(key);
  });
  const records = [...keys.values()].flatMap((key) => {
    const value = before.get(key);
    return value ? [[key, value] as const] : [];
  });
  return { records, nodes: nodesFor(crypto, before, [...keys.values()], writes) };
}

/** The nodes of a map, 65 bytes each, that it takes to look up `keys` and to make the changes. */
export function nodesFor(
  crypto: Crypto,
  map: StateMap,
  keys: readonly Bytes[],
  writes: readonly Write[],
): Bytes[] {
  const nodes = new Map([...keys, ...writes.map(([key]) => key)].flatMap((key) => wayOf(crypto, map, key)));
  // Where a record is removed its neighbour moves up, so it has to be known too: one more at a time.
  for (;;) {
    const missing = missingNode(() => {
      const part = new PartialMap(crypto, map.root, map.count, [...nodes.values()]);
      for (const [key, value] of writes) part.put(key, value);
    });
    if (!missing) return [...nodes.values()];
    const neighbour = keyBelow(crypto, map, missing);
    if (!neighbour) throw fail('INTERNAL', 'a map has no record below one of its nodes');
    for (const [name, node] of wayOf(crypto, map, neighbour)) nodes.set(name, node);
  }
}

function wayOf(crypto: Crypto, map: StateMap, key: Bytes): (readonly [string, Bytes])[] {
  const nodes = nodesOnWay(crypto, key, map.get(key) ?? null, map.prove(key));
  return nodes.map((node) => [toHex(node), node] as const);
}

function missingNode(work: () => void): MissingNode | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof MissingNode)) throw error;
    return error;
  }
}

/** Some record below a node of the map. Looks at all of them: this happens when a log is caught lying. */
function keyBelow(crypto: Crypto, map: StateMap, { k, depth }: MissingNode): Bytes | undefined {
  for (const [key] of map.entries()) if (samePrefix(keyHash(crypto, key), k, depth)) return key;
  return undefined;
}
