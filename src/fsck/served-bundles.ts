/** The bundles of a served log, in order: leaf data, statements and tiles, fetched ahead of the threads that hash them. */
import { type Bytes, concat } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import { parseEntryBundle, parseStatementBundle, TILE_WIDTH, tileWidth } from '../merkle/index.ts';
import { TileFault, type TileSource } from '../tiles/index.ts';
import { fetchTile } from '../tiles/tile-fetch.ts';
import type { BundleRows } from './bundle-rows.ts';
import type { Check, Findings } from './findings.ts';
import type { StoredLevel } from './tree-audit.ts';

/** Bundles that are fetched at the same time; three requests each. */
const AHEAD = 4;
const ENTRY_ID = 32;
/** Bundles in a row of which nothing is served: what is signed may be of any size, and asking on would have no end. */
const MOST_MISSING = 64;
const STATE_ENTRY = 0x8000_0000;

/** So much is missing that the rest was not asked for; the findings say so. */
export class NotServed extends Error {}

/** @throws NotServed */
export async function* servedBundles(
  source: TileSource,
  size: number,
  findings: Findings,
): AsyncIterable<BundleRows> {
  const count = Math.ceil(size / TILE_WIDTH);
  const fetched: Promise<BundleRows>[] = [];
  const next = (n: number) => {
    const bundle = servedBundle(source, size, n, findings);
    bundle.catch(() => undefined); // It is waited for in its turn.
    fetched.push(bundle);
  };
  for (let n = 0; n < Math.min(AHEAD, count); n++) next(n);
  let missing = 0;
  for (let n = 0; n < count; n++) {
    const bundle = await fetched.shift()!;
    missing = bundle.starts.length === 0 && !bundle.tile ? missing + 1 : 0;
    if (missing === MOST_MISSING) {
      const found = `none of the last ${MOST_MISSING} bundles are served: those after are not asked for`;
      findings.add('tree', `tile entries/${n}`, `${count} bundles`, found);
      throw new NotServed();
    }
    if (n + AHEAD < count) next(n + AHEAD);
    yield bundle;
  }
}

async function servedBundle(
  source: TileSource,
  size: number,
  n: number,
  findings: Findings,
): Promise<BundleRows> {
  const width = tileWidth(0, n, size);
  const [entries, statements, tile] = await Promise.all([
    served(source, 'entries', n, width, findings, 'tree'),
    served(source, 'statements', n, width, findings, 'body'),
    served(source, 0, n, width, findings, 'tree'),
  ]);
  const data = bundleOf(entries, parseEntryBundle, `tile entries/${n}`, findings).slice(0, width);
  const bodies = bundleOf(statements, parseStatementBundle, `tile statements/${n}`, findings);
  const records: Bytes[] = [];
  const starts: [number, number][] = [];
  let at = 0;
  data.forEach((leaf, i) => {
    const isStatement = leaf.length === ENTRY_ID;
    const bytes = isStatement ? bodies[i] : leaf;
    if (!bytes) return;
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, isStatement ? bytes.length : (bytes.length | STATE_ENTRY) >>> 0);
    starts.push([n * TILE_WIDTH + i, at]);
    records.push(head, bytes);
    at += 4 + bytes.length;
  });
  return { n, width, rows: concat(...records), starts, tile: tile?.slice(0, width * 32), data };
}

/** Hash tiles of the levels above the leaves, level 1 first; of the last one of each, as far as the tree goes. */
export async function servedLevels(
  source: TileSource,
  size: number,
  findings: Findings,
): Promise<StoredLevel[]> {
  const levels: StoredLevel[] = [];
  for (let level = 1; tileWidth(level, 0, size) > 0; level++) {
    const tiles = new Map<number, Bytes>();
    const edge = new Map<number, Bytes>();
    for (let n = 0; tileWidth(level, n, size) > 0; n++) {
      const width = tileWidth(level, n, size);
      const tile = await served(source, level, n, width, findings, 'tree');
      if (tile && width === TILE_WIDTH) tiles.set(n, tile);
      for (let i = 0; tile && width < TILE_WIDTH && i < width; i++) {
        edge.set(n * TILE_WIDTH + i, tile.slice(i * 32, i * 32 + 32));
      }
    }
    levels.push({ tiles, edge });
  }
  return levels;
}

/** Undefined: the log does not serve it, which is a finding. That nobody answers is none. */
async function served(
  source: TileSource,
  kind: number | 'entries' | 'statements',
  n: number,
  width: number,
  findings: Findings,
  check: Check,
): Promise<Bytes | undefined> {
  try {
    return (await fetchTile(source, kind, n, width)).bytes;
  } catch (error) {
    if (!(error instanceof TileFault)) throw error;
    findings.add(check, `tile ${kind}/${n}`, `a tile of ${width}`, 'nothing is served');
    return undefined;
  }
}

function bundleOf<T>(
  bytes: Bytes | undefined,
  parse: (bytes: Bytes) => T[],
  name: string,
  findings: Findings,
): T[] {
  if (!bytes) return [];
  try {
    return parse(bytes);
  } catch (error) {
    if (!isLedgerError(error, 'PROOF_MALFORMED')) throw error;
    findings.add('tree', name, 'a bundle', error.message);
    return [];
  }
}
