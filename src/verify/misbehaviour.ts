/**
 * Proof of misbehaviour: what a log has signed that contradicts itself, in one file that convicts it offline, before
 * anybody who has its trust file. Deterministic CBOR, one encoding for one file. Reading it verifies nothing: see
 * misbehaviour-verify.ts.
 *
 * ```cddl
 * misbehaviour = { "v": 1, "misbehaviour": kind, "origin": tstr, "heads": [1*2 head], * members of the kind }
 * head = tstr                                    ; signed note
 *      / [receipt: bstr, entry-id: bstr .size 32]  ; a receipt signs a root as well
 * leaf = [index: uint, leaf-hash: bstr .size 32, path: [* bstr]]
 * ```
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { isMap } from '../cose/index.ts';
import { bytesOf, indexOf, itemsOf, listOf, pathOf, tipItem, tipOf } from './claimed-state.ts';
import { decodeEffectProof, type EffectProof, effectItem } from './effect.ts';
import type { ClaimedTip } from './facts.ts';
import { type ClaimedRun, runItem, runOf } from './misbehaviour-run.ts';

/** A head that the log has signed: a checkpoint, or the receipt of an entry, which is over a root too. */
export type ClaimedHead = string | { readonly receipt: Bytes; readonly entryId: Bytes };

export interface ClaimedLeaf {
  readonly index: number;
  /** RFC 9162 leaf hash, 32 bytes. */
  readonly leafHash: Bytes;
  /** Inclusion in the tree of the head that it is shown under. */
  readonly path: readonly Bytes[];
}

type Two<T> = readonly [T, T];

export type Misbehaviour = { readonly origin: string } & (
  | {
      /** Two heads of one size with different roots. */
      readonly kind: 'fork';
      readonly heads: Two<ClaimedHead>;
    }
  | {
      /** The newer tree does not begin with the older one: with the last leaf of the older size, the newer tree says itself what it begins with. */
      readonly kind: 'rewrite';
      readonly heads: Two<ClaimedHead>;
      readonly leaf: ClaimedLeaf;
    }
  | {
      /** Two trees with different leaves at one index. Null: the first head is a receipt, which says where its entry is. */
      readonly kind: 'missing';
      readonly heads: Two<ClaimedHead>;
      readonly leaves: readonly [ClaimedLeaf | null, ClaimedLeaf];
    }
  | {
      /** Two state entries of one tree, the later one with the earlier time. */
      readonly kind: 'time';
      readonly heads: readonly [ClaimedHead];
      readonly states: Two<ClaimedTip>;
    }
  | {
      /** A statement that the log's own verdict refuses, and that is in the log all the same. */
      readonly kind: 'refused';
      readonly heads: readonly [ClaimedHead];
      readonly index: number;
      readonly effect: EffectProof;
    }
  | {
      /** A state entry that does not follow from what is before it. */
      readonly kind: 'state';
      readonly heads: readonly [ClaimedHead];
      readonly run: ClaimedRun;
    }
  | {
      /** Two heads and a path between them that does not fit: an accusation, since anybody can damage a path. */
      readonly kind: 'unconnected';
      readonly heads: Two<ClaimedHead>;
      readonly path: readonly Bytes[];
    }
);
export type MisbehaviourKind = Misbehaviour['kind'];

const VERSION = 1;
/** Bytes: a run may hold long statements. */
export const MAX_MISBEHAVIOUR = 16 << 20;

export function encodeMisbehaviour(file: Misbehaviour): Bytes {
  return encode({
    v: VERSION,
    misbehaviour: file.kind,
    origin: file.origin,
    heads: file.heads.map((head) => (typeof head === 'string' ? head : [head.receipt, head.entryId])),
    ...members(file),
  });
}

function members(file: Misbehaviour): { readonly [name: string]: Cbor } {
  switch (file.kind) {
    case 'fork':
      return {};
    case 'rewrite':
      return { leaf: leafItem(file.leaf) };
    case 'missing':
      return { leaves: file.leaves.map((leaf) => leaf && leafItem(leaf)) };
    case 'time':
      return { states: file.states.map(tipItem) };
    case 'refused':
      return { index: file.index, effect: effectItem(file.effect) };
    case 'state':
      return { run: runItem(file.run) };
    case 'unconnected':
      return { path: file.path };
  }
}

/** @throws MISBEHAVIOUR_MALFORMED whatever is wrong with the form */
export function decodeMisbehaviour(bytes: Bytes): Misbehaviour {
  if (bytes.length > MAX_MISBEHAVIOUR) throw malformed(`longer than ${MAX_MISBEHAVIOUR} bytes`);
  try {
    return fileOf(decode(bytes));
  } catch (cause) {
    if (!isLedgerError(cause) || cause.code === 'MISBEHAVIOUR_MALFORMED') throw cause;
    throw fail('MISBEHAVIOUR_MALFORMED', cause.message, { cause });
  }
}

/** The reader of each kind's own members; how many they are is checked against the map. */
const READERS: Readonly<
  Record<MisbehaviourKind, { readonly members: readonly string[]; readonly heads: 1 | 2 }>
> = {
  fork: { members: [], heads: 2 },
  rewrite: { members: ['leaf'], heads: 2 },
  missing: { members: ['leaves'], heads: 2 },
  time: { members: ['states'], heads: 1 },
  refused: { members: ['index', 'effect'], heads: 1 },
  state: { members: ['run'], heads: 1 },
  unconnected: { members: ['path'], heads: 2 },
};
const COMMON = ['v', 'misbehaviour', 'origin', 'heads'];

function fileOf(map: Cbor): Misbehaviour {
  if (!isMap(map) || map.get('v') !== VERSION) throw malformed('not a proof of misbehaviour of version 1');
  const kind = map.get('misbehaviour');
  if (typeof kind !== 'string' || !Object.hasOwn(READERS, kind)) throw malformed('of no kind that is known');
  const form = READERS[kind as MisbehaviourKind];
  const names = [...COMMON, ...form.members];
  if (map.size !== names.length || names.some((name) => !map.has(name))) {
    throw malformed('a member is missing, or is not known');
  }
  const origin = map.get('origin');
  if (typeof origin !== 'string') throw malformed('origin is not text');
  const heads = itemsOf(map.get('heads'), 'heads', form.heads, malformed).map(headOf);
  return { origin, heads, ...readMembers(kind as MisbehaviourKind, map) } as unknown as Misbehaviour;
}

function readMembers(kind: MisbehaviourKind, map: CborMap): object {
  switch (kind) {
    case 'fork':
      return { kind };
    case 'rewrite':
      return { kind, leaf: leafOf(map.get('leaf')) };
    case 'missing': {
      const [first, second] = itemsOf(map.get('leaves'), 'leaves', 2, malformed);
      return { kind, leaves: [first === null ? null : leafOf(first), leafOf(second)] };
    }
    case 'time':
      return {
        kind,
        states: itemsOf(map.get('states'), 'states', 2, malformed).map((item) => tipOf(item, malformed)),
      };
    case 'refused':
      return {
        kind,
        index: indexOf(map.get('index'), 'index', malformed),
        effect: decodeEffectProof(encode(map.get('effect')!)),
      };
    case 'state':
      return { kind, run: runOf(map.get('run'), malformed) };
    case 'unconnected':
      return { kind, path: pathOf(map.get('path'), malformed) };
  }
}

function headOf(item: Cbor): ClaimedHead {
  if (typeof item === 'string') return item;
  const [receipt, entryId] = itemsOf(item, 'head', 2, malformed);
  return {
    receipt: bytesOf(receipt, 'receipt', malformed),
    entryId: hashOf(entryId, 'entry id'),
  };
}

function leafItem({ index, leafHash, path }: ClaimedLeaf): Cbor {
  return [index, leafHash, path];
}

function leafOf(item: Cbor | undefined): ClaimedLeaf {
  const [index, leafHash, path] = listOf(item, 'leaf', 3, malformed);
  return {
    index: indexOf(index, 'index', malformed),
    leafHash: hashOf(leafHash, 'leaf hash'),
    path: pathOf(path, malformed),
  };
}

function hashOf(item: Cbor | undefined, name: string): Bytes {
  const bytes = bytesOf(item, name, malformed);
  if (bytes.length !== 32) throw malformed(`the ${name} is not 32 bytes`);
  return bytes;
}

function malformed(message: string) {
  return fail('MISBEHAVIOUR_MALFORMED', message);
}
