/** One tile as a tree of some size has it: the partial one, or the full one cut short once the tree has grown. */
import type { Bytes } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import { TILE_WIDTH, type TileKind, tilePath } from '../merkle/index.ts';
import { TileFault } from './tile-fault.ts';
import type { TileSource } from './tile-source.ts';

/** What was served, and under which path. It may be of more hashes or entries than were asked for. */
export interface FetchedTile {
  readonly path: string;
  readonly bytes: Bytes;
}

/** @throws TILE_MISSING, BODY_MISSING neither is served; and what the source throws */
export async function fetchTile(
  source: TileSource,
  kind: TileKind,
  index: number,
  width: number,
): Promise<FetchedTile> {
  const path = tilePath(kind, index, width);
  try {
    return { path, bytes: await source.tile(path) };
  } catch (cause) {
    if (!isLedgerError(cause, 'NOT_FOUND')) throw cause;
    if (width === TILE_WIDTH) throw missing(kind, path, cause);
  }
  // C2SP tlog-tiles: a partial tile may be gone as soon as the full one is there.
  const full = tilePath(kind, index);
  try {
    return { path: full, bytes: await source.tile(full) };
  } catch (cause) {
    if (!isLedgerError(cause, 'NOT_FOUND')) throw cause;
    throw missing(kind, path, cause);
  }
}

function missing(kind: TileKind, path: string, cause: unknown): TileFault {
  const code = kind === 'statements' ? 'BODY_MISSING' : 'TILE_MISSING';
  return new TileFault(code, `the log does not serve ${path}, nor the full tile`, {
    path,
    served: null,
    cause,
  });
}
