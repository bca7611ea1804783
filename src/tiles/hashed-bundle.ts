/**
 * A full bundle hashed at once: the same hashes as leaf by leaf, in a fraction of the time. It says only that everything
 * fits together; what is wrong where it does not, the plain way finds.
 */
import { type Bytes, concat, equal } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import type { BundleHasher, Place } from '../merkle/bundle-hash.ts';
import { entryBundle, HASH_LENGTH, parseStatementBundle, TILE_WIDTH } from '../merkle/index.ts';

export interface HashedBundle {
  readonly root: Bytes;
  readonly leaves: readonly {
    readonly data: Bytes;
    readonly hash: Bytes;
    readonly statement: Bytes | null;
  }[];
  /** For each leaf: the hashes of the perfect subtrees that it completes, from the one of two leaves up to the bundle. */
  readonly above: readonly (readonly Bytes[])[];
}

const ENTRY_ID = 32;
const NONE: readonly Bytes[] = [];

/**
 * @param data of all leaves of the bundle
 * @returns undefined: some statement is not the one of its entry id, or missing, or there where none should be
 */
export function hashedBundle(
  hasher: BundleHasher,
  data: readonly Bytes[],
  statements: Bytes,
): HashedBundle | undefined {
  const bodies = parsedOrNot(statements);
  if (bodies?.length !== TILE_WIDTH || data.length !== TILE_WIDTH) return undefined;
  const places: Place[] = [];
  let [body, entry] = [0, statements.length];
  for (let i = 0; i < TILE_WIDTH; i++) {
    const [leaf, statement] = [data[i]!, bodies[i]!];
    const isStateEntry = statement === null;
    if (isStateEntry !== (leaf.length !== ENTRY_ID)) return undefined;
    body += 4;
    entry += 2;
    const from = isStateEntry ? entry : body;
    places.push({ isStateEntry, from, to: from + (statement ?? leaf).length });
    body += statement?.length ?? 0;
    entry += leaf.length;
  }
  const { ids, leafHashes, root, inner } = hasher.hash(concat(statements, entryBundle(data)), places);
  if (!root || !inner) return undefined;
  const leaves = data.map((leaf, i) => ({ data: leaf, hash: hashAt(leafHashes, i), statement: bodies[i]! }));
  const fits = leaves.every(({ data: id, statement }, i) => statement === null || equal(id, hashAt(ids, i)));
  return fits ? { root, leaves, above: leaves.map((_, i) => completed(inner, i)) } : undefined;
}

/** Nodes lie level after level, from the 128 of two leaves up. */
function completed(inner: Bytes, leaf: number): readonly Bytes[] {
  if (leaf % 2 === 0) return NONE;
  const above: Bytes[] = [];
  for (let first = 0, width = TILE_WIDTH / 2, at = leaf; at % 2 === 1 && width >= 1; width /= 2) {
    at = (at - 1) / 2;
    above.push(hashAt(inner, first + at));
    first += width;
  }
  return above;
}

function hashAt(hashes: Bytes, i: number): Bytes {
  return hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
}

function parsedOrNot(statements: Bytes): (Bytes | null)[] | undefined {
  try {
    return parseStatementBundle(statements);
  } catch (error) {
    if (isLedgerError(error)) return undefined;
    throw error;
  }
}
