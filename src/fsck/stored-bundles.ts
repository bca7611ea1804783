/** The bundles of a stored log, in order, each with its tile: two ranges read side by side, each row once. */
import { type Bytes, concat } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import { LEAVES_RANGE, leavesKey, startOf, TILE_RANGE, tileKey, tileOf } from '../log/layout.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import type { ReadableStorage } from '../storage/index.ts';
import type { BundleRows } from './bundle-rows.ts';
import type { Findings } from './findings.ts';
import { Peekable } from './peekable.ts';
import { type NumberedRows, salvaged } from './salvage.ts';

interface Keyed {
  readonly at: number;
  readonly bytes: Bytes;
}

/** Every bundle of a log of `size`, also those of which nothing is stored. */
export async function* storedBundles(
  storage: ReadableStorage,
  size: number,
  findings: Findings,
): AsyncIterable<BundleRows> {
  const leaves = new Peekable(leafRows(storage, size, findings));
  const tiles = new Peekable(bottomTiles(storage, size, findings));
  try {
    for (let n = 0; n * TILE_WIDTH < size; n++) {
      const end = (n + 1) * TILE_WIDTH;
      const rows: Keyed[] = [];
      for (let row = await leaves.peek(); row && row.at < end; row = await leaves.peek()) {
        rows.push(row);
        leaves.skip();
      }
      let tile = await tiles.peek();
      if (tile?.at === n) tiles.skip();
      else tile = undefined;
      let begin = 0;
      const starts = rows.map(({ at, bytes }): [number, number] => {
        begin += bytes.length;
        return [at, begin - bytes.length];
      });
      const [first, ...more] = rows;
      yield {
        ...{ n, width: Math.min(TILE_WIDTH, size - n * TILE_WIDTH), starts, tile: tile?.bytes },
        rows: first && more.length === 0 ? first.bytes : concat(...rows.map(({ bytes }) => bytes)),
      };
    }
    // What is left lies beyond the end: it is reported where it is read.
    while (await leaves.peek()) leaves.skip();
    while (await tiles.peek()) tiles.skip();
  } finally {
    await Promise.all([leaves.end(), tiles.end()]);
  }
}

async function* leafRows(storage: ReadableStorage, size: number, findings: Findings): AsyncIterable<Keyed> {
  const full = size - (size % TILE_WIDTH);
  const rows: NumberedRows = {
    ...{ range: LEAVES_RANGE, keyOf: leavesKey, end: size, what: 'row of leaves' },
    numberOf: (key) => named(key, startOf),
    // A full bundle is one row; of an open one nobody knows where the next commit began.
    after: (at) => (at < full ? at - (at % TILE_WIDTH) + TILE_WIDTH : at + 1),
  };
  for await (const [key, bytes] of salvaged(storage, rows, findings)) {
    const at = named(key, startOf);
    if (at === undefined) findings.add('tree', 'a row of leaves', 'the key of one', 'a malformed key');
    else if (at >= size)
      findings.add('tree', `leaf ${at}`, `nothing: the log has ${size}`, 'a row of leaves');
    else yield { at, bytes };
  }
}

async function* bottomTiles(
  storage: ReadableStorage,
  size: number,
  findings: Findings,
): AsyncIterable<Keyed> {
  const full = Math.floor(size / TILE_WIDTH);
  const lt = tileKey(1, 0).slice(0, 2); // Level 0 only.
  const rows: NumberedRows = {
    ...{ range: { ...TILE_RANGE, lt }, end: full, what: 'tile of level 0', after: (n) => n + 1 },
    keyOf: (n) => tileKey(0, n),
    numberOf: (key) => named(key, tileOf)?.index,
  };
  for await (const [key, bytes] of salvaged(storage, rows, findings)) {
    const at = named(key, tileOf)?.index;
    if (at === undefined) findings.add('tree', 'a tile of level 0', 'the key of one', 'a malformed key');
    else if (at >= full) findings.add('tree', `tile 0/${at}`, `nothing: ${full} tiles are full`, 'a tile');
    else yield { at, bytes };
  }
}

/** What a key names; undefined: it is malformed. */
export function named<K, T>(key: K, read: (key: K) => T): T | undefined {
  try {
    return read(key);
  } catch (error) {
    if (isLedgerError(error, 'LOG_CORRUPT') || isLedgerError(error, 'BYTES_MALFORMED')) return undefined;
    throw error;
  }
}
