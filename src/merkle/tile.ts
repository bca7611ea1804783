/**
 * Tiles, C2SP tlog-tiles: the tree cut into subtrees of height 8, named by path, and the bundles of entries beside
 * them. A tile holds the hashes of its bottom row only; everything above is computed.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import type { NodeId } from './proof-nodes.ts';
import { HASH_LENGTH, nodeHash } from './tree.ts';

export const TILE_HEIGHT = 8;
/** Hashes in a full tile: 8,192 bytes. */
export const TILE_WIDTH = 256;
/** tlog-tiles: levels go up to 63 in the path grammar; 2^53 leaves need 7. */
const MAX_LEVEL = 63;

/** A hash tile of a level, a bundle of leaf data, or a bundle of statements (FORMATS §7). */
export type TileKind = number | 'entries' | 'statements';

export interface TilePath {
  readonly kind: TileKind;
  readonly index: number;
  /** 1 to 256. */
  readonly width: number;
}

/**
 * @throws ARGUMENT_INVALID unless level (0 to 63), index (0 to 2^53 − 1) and width (1 to 256) are in range
 * @example tilePath(0, 1234067, 8) === 'tile/0/x001/x234/067.p/8'
 */
export function tilePath(kind: TileKind, index: number, width: number = TILE_WIDTH): string {
  if (!inRange({ kind, index, width })) {
    throw fail('ARGUMENT_INVALID', `no tile ${kind} ${index} of width ${width}`);
  }
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/.{3}/g)!;
  const number = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${kind}/${number}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

const PATH =
  /^tile\/(0|[1-9][0-9]?|entries|statements)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** Reads what {@link tilePath} writes, and nothing else. @throws NOT_FOUND: such a path names no resource */
export function parseTilePath(path: string): TilePath {
  const match = PATH.exec(path);
  if (!match) throw fail('NOT_FOUND', 'not the path of a tile');
  const [, kind, number, partial] = match;
  const index = Number(number!.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  const tile: TilePath = {
    kind: kind === 'entries' || kind === 'statements' ? kind : Number(kind),
    index,
    width,
  };
  // One name for one tile: no leading groups of zeros, no `.p/256`.
  if (!inRange(tile) || tilePath(tile.kind, index, width) !== path) {
    throw fail('NOT_FOUND', 'not the canonical path of a tile');
  }
  return tile;
}

function inRange({ kind, index, width }: TilePath): boolean {
  return (
    (typeof kind === 'string' || (Number.isInteger(kind) && kind >= 0 && kind <= MAX_LEVEL)) &&
    Number.isSafeInteger(index) &&
    index >= 0 &&
    Number.isInteger(width) &&
    width >= 1 &&
    width <= TILE_WIDTH
  );
}

/** Hashes that tile (`level`, `index`) has in a tree of `size`: 0 to 256. */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / 2 ** (TILE_HEIGHT * level));
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** The tile that a perfect node lies in, and the bottom hashes [from, to) that hash to it. */
export function tileOfNode({ level, index }: NodeId): {
  level: number;
  index: number;
  from: number;
  to: number;
} {
  const tileLevel = Math.floor(level / TILE_HEIGHT);
  const width = 2 ** (level % TILE_HEIGHT);
  const first = index * width;
  const tileIndex = Math.floor(first / TILE_WIDTH);
  const from = first - tileIndex * TILE_WIDTH;
  return { level: tileLevel, index: tileIndex, from, to: from + width };
}

/**
 * The hash of a perfect node, from the tile that it lies in ({@link tileOfNode}), full or partial.
 * @throws PROOF_MALFORMED when the tile is not whole hashes, or too narrow
 */
export function nodeInTile(hasher: Hasher, tile: Bytes, id: NodeId): Bytes {
  const { from, to } = tileOfNode(id);
  if (tile.length % HASH_LENGTH !== 0 || tile.length < to * HASH_LENGTH)
    throw fail('PROOF_MALFORMED', 'the tile is too narrow');
  let row: Bytes[] = [];
  for (let i = from; i < to; i++) row.push(tile.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH));
  while (row.length > 1) {
    const above: Bytes[] = [];
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(hasher, row[i]!, row[i + 1]!));
    row = above;
  }
  // A copy: a bottom hash must not keep its whole tile in memory.
  return row[0]!.slice();
}

/**
 * C2SP entry bundle: each entry after its length in two big-endian bytes.
 * @throws ARGUMENT_INVALID more than 256 entries, or one above 65,535 bytes
 */
export function entryBundle(entries: readonly Bytes[]): Bytes {
  return bundle(entries, 2, 0xffff);
}

/** Views into `bytes`. @throws PROOF_MALFORMED it ends in the middle of an entry, or has more than 256 */
export function parseEntryBundle(bytes: Bytes): Bytes[] {
  return parseBundle(bytes, 2);
}

/**
 * Canonical statements after their lengths in four big-endian bytes; length 0 stands for a state entry (FORMATS §7).
 * @throws ARGUMENT_INVALID more than 256, or an empty one, which would read as a state entry
 */
export function statementBundle(statements: readonly (Bytes | null)[]): Bytes {
  if (statements.some((statement) => statement?.length === 0)) {
    throw fail('ARGUMENT_INVALID', 'a statement has bytes');
  }
  return bundle(statements, 4, 0xffff_ffff);
}

/** null for a state entry; views into `bytes`. @throws PROOF_MALFORMED as {@link parseEntryBundle} */
export function parseStatementBundle(bytes: Bytes): (Bytes | null)[] {
  return parseBundle(bytes, 4).map((statement) => (statement.length === 0 ? null : statement));
}

function bundle(entries: readonly (Bytes | null)[], prefix: 2 | 4, limit: number): Bytes {
  if (entries.length > TILE_WIDTH) throw fail('ARGUMENT_INVALID', 'more entries than a tile is wide');
  let size = 0;
  for (const entry of entries) {
    const length = entry?.length ?? 0;
    if (length > limit) throw fail('ARGUMENT_INVALID', `an entry of ${length} bytes`);
    size += prefix + length;
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const entry of entries) {
    const length = entry?.length ?? 0;
    if (prefix === 2) view.setUint16(at, length);
    else view.setUint32(at, length);
    at += prefix;
    if (entry) bytes.set(entry, at);
    at += length;
  }
  return bytes;
}

function parseBundle(bytes: Bytes, prefix: 2 | 4): Bytes[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Bytes[] = [];
  let at = 0;
  while (at < bytes.length) {
    // A bundle is of one tile: more is not one, however long it goes on.
    if (entries.length === TILE_WIDTH) throw fail('PROOF_MALFORMED', 'more entries than a tile is wide');
    if (bytes.length - at < prefix) throw fail('PROOF_MALFORMED', 'the bundle ends in a length');
    const length = prefix === 2 ? view.getUint16(at) : view.getUint32(at);
    at += prefix;
    if (bytes.length - at < length) throw fail('PROOF_MALFORMED', 'the bundle ends in an entry');
    entries.push(new Uint8Array(bytes.buffer, bytes.byteOffset + at, length));
    at += length;
  }
  return entries;
}
