/**
 * Signs what has been committed: a checkpoint with the note key, and the receipt root signature with the COSE key.
 * Only ever called with the root of a tree whose write has returned from the disk: a signed head is a promise.
 */

import { type Bytes, equal } from '../core/bytes.ts';
import type { PrivateKey } from '../core/crypto.ts';
import {
  encodeConsistencyReceipt,
  InclusionReceipts,
  receiptProtected,
  signTreeHead,
} from '../cose/index.ts';
import { formatCheckpoint, type NoteSigner, signNote } from '../note/index.ts';

/** The log's two keys (FORMATS §4): no key serves two purposes. */
export interface LogKeys {
  /** Ed25519 note key, named like the origin. */
  readonly checkpoint: NoteSigner;
  readonly receipt: {
    /** P-256. */
    readonly key: PrivateKey;
    /** 32 bytes: its COSE key thumbprint. */
    readonly kid: Bytes;
    /** CWT issuer: the service's identifier. */
    readonly service: string;
  };
}

/** A published tree head. */
export interface SignedHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
  /** Unix milliseconds of the state entry at size − 1. */
  readonly time: number;
  /** The signed note (C2SP tlog-checkpoint). */
  readonly checkpoint: string;
}

/** A tree head under both of the log's signatures. */
export interface PublishedHead extends SignedHead {
  /** The part that all receipts over this head share. */
  readonly receipt: { readonly protectedBytes: Bytes; readonly signature: Bytes };
}

/** What receipts are made from: the path of each leaf is added. */
export type ReceiptHead = Pick<PublishedHead, 'size' | 'receipt'>;

interface Tree {
  readonly size: number;
  readonly root: Bytes;
  readonly time: number;
}

export function signCheckpoint(keys: LogKeys, origin: string, { size, root }: Tree): string {
  return signNote(formatCheckpoint({ origin, size, root, extensions: [] }), [keys.checkpoint]);
}

export function publishHead(keys: LogKeys, origin: string, tree: Tree): PublishedHead {
  const { kid, service, key } = keys.receipt;
  const protectedBytes = receiptProtected({ kid, service, origin, time: tree.time, size: tree.size });
  return {
    size: tree.size,
    root: tree.root,
    time: tree.time,
    checkpoint: signCheckpoint(keys, origin, tree),
    receipt: { protectedBytes, signature: signTreeHead(key, protectedBytes, tree.root) },
  };
}

/**
 * What the receipts of a head have in common, made with the first of them: of the heads that were asked for last, since answers of
 * several may alternate. A WeakMap would keep what is made of each until a full collection, where its table is old.
 */
const receipts: { readonly of: ReceiptHead['receipt']; readonly made: InclusionReceipts }[] = [];
const REMEMBERED = 4;

/**
 * COSE receipt of inclusion of leaf `index` under `head`.
 * @param path 32 bytes for each hash, leaf to root
 */
export function inclusionReceipt({ receipt, size }: ReceiptHead, index: number, path: Bytes): Bytes {
  let known = receipts.find(({ of }) => of === receipt);
  if (!known) {
    known = { of: receipt, made: new InclusionReceipts(receipt, size) };
    receipts.unshift(known);
    if (receipts.length > REMEMBERED) receipts.pop();
  }
  return known.made.encode(index, path);
}

/** Of the tree that was asked for last with these keys: as with inclusion, one signature serves all receipts of it. */
const extended = new WeakMap<LogKeys, Extended>();

type Signed = ReceiptHead['receipt'];
interface Extended {
  readonly origin: string;
  readonly tree: Tree;
  readonly signed: Signed;
}

/** COSE receipt that the tree `to` extends the tree of `from` leaves. */
export function consistencyReceipt(
  keys: LogKeys,
  origin: string,
  from: number,
  to: Tree,
  path: readonly Bytes[],
): Bytes {
  let known = extended.get(keys);
  if (known?.origin !== origin || !sameTree(known.tree, to)) {
    known = { origin, tree: to, signed: signExtended(keys, origin, to) };
    extended.set(keys, known);
  }
  return encodeConsistencyReceipt({ ...known.signed, size1: from, size2: to.size, path });
}

function sameTree(one: Tree, other: Tree): boolean {
  return one.size === other.size && one.time === other.time && equal(one.root, other.root);
}

function signExtended(keys: LogKeys, origin: string, { size, root, time }: Tree): Signed {
  const { kid, service, key } = keys.receipt;
  const protectedBytes = receiptProtected({ kid, service, origin, time, size, proof: 'consistency' });
  return { protectedBytes, signature: signTreeHead(key, protectedBytes, root) };
}
