/**
 * A run of the log as a proof carries it: a state entry, the statements after it and the state entry that closes them,
 * with what the rules read on the way. Whoever has it computes the closing state entry, and compares.
 *
 * ```cddl
 * run = [ start: uint, leaves: [* bstr], first-path: [* bstr], last-path: [* bstr],
 *         records: [* [key: bstr, value: bstr]],      ; of the state that the run begins with
 *         nodes: [* bstr .size 65],                   ; of its map: 0x02 ‖ K ‖ V or 0x03 ‖ L ‖ R
 *         earlier: [* [index: uint, leaf-hash: bstr, path: [* bstr], statement: bstr / nil, effect-proof / nil]] ]
 * ```
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import { bytesOf, indexOf, itemsOf, listOf, type Malformed, pathOf } from './claimed-state.ts';
import { decodeEffectProof, type EffectProof, effectItem } from './effect.ts';

export interface ClaimedRun {
  /** Index of the first of `leaves`. */
  readonly start: number;
  /**
   * The state entry before the run, unless it begins with the genesis; the canonical bytes of the statements; and last
   * the leaf that closes it, as it is in the log.
   */
  readonly leaves: readonly Bytes[];
  /** Inclusion of the first and of the last of them: the two hold all between in place. */
  readonly firstPath: readonly Bytes[];
  readonly lastPath: readonly Bytes[];
  readonly records: readonly (readonly [key: Bytes, value: Bytes])[];
  readonly nodes: readonly Bytes[];
  readonly earlier: readonly ClaimedEarlier[];
}

/** An entry before the run that a statement in it refers to, or is a copy of. */
export interface ClaimedEarlier {
  readonly index: number;
  readonly leafHash: Bytes;
  readonly path: readonly Bytes[];
  /** Canonical bytes; null where it is enough that the leaf is another one, or was refused. */
  readonly statement: Bytes | null;
  /** What it did; null where that does not matter. */
  readonly effect: EffectProof | null;
}

const MAX_LEAVES = 1 << 16;
const MAX_RECORDS = 1 << 16;
const MAX_NODES = 1 << 18;
const MAX_EARLIER = 4096;

export function runItem(run: ClaimedRun): Cbor {
  const { start, leaves, firstPath, lastPath, records, nodes, earlier } = run;
  return [
    start,
    leaves,
    firstPath,
    lastPath,
    records.map(([key, value]) => [key, value]),
    nodes,
    earlier.map(({ index, leafHash, path, statement, effect }) => [
      ...[index, leafHash, path, statement],
      effect && effectItem(effect),
    ]),
  ] as Cbor;
}

export function runOf(item: Cbor | undefined, malformed: Malformed): ClaimedRun {
  const [start, leaves, first, last, records, nodes, earlier] = itemsOf(item, 'run', 7, malformed);
  const allBytes = (list: Cbor | undefined, name: string, max: number) =>
    listOf(list, name, max, malformed).map((each) => bytesOf(each, name, malformed));
  const run = {
    start: indexOf(start, 'start', malformed),
    leaves: allBytes(leaves, 'leaves', MAX_LEAVES),
    firstPath: pathOf(first, malformed),
    lastPath: pathOf(last, malformed),
    records: listOf(records, 'records', MAX_RECORDS, malformed).map((record) => {
      const [key, value] = itemsOf(record, 'record', 2, malformed);
      return [bytesOf(key, 'key', malformed), bytesOf(value, 'value', malformed)] as const;
    }),
    nodes: allBytes(nodes, 'nodes', MAX_NODES),
    earlier: listOf(earlier, 'earlier', MAX_EARLIER, malformed).map((each) => earlierOf(each, malformed)),
  };
  if (run.leaves.length < 2) throw malformed('a run has two leaves at least');
  return run;
}

function earlierOf(item: Cbor, malformed: Malformed): ClaimedEarlier {
  const [index, leafHash, path, statement, effect] = itemsOf(item, 'earlier entry', 5, malformed);
  return {
    index: indexOf(index, 'index', malformed),
    leafHash: bytesOf(leafHash, 'leaf hash', malformed),
    path: pathOf(path, malformed),
    statement: statement === null ? null : bytesOf(statement, 'statement', malformed),
    effect: effect === null ? null : decodeEffectProof(encode(effect!)),
  };
}
