/** A stored log to audit, and what a dishonest operator makes of one: other leaves, with a tree that fits them. */

import { rulesId } from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { auditInPlace, type FsckOptions, fsckStorage } from '../../src/fsck/index.ts';
import {
  decodeHead,
  EDGE_RANGE,
  encodeHead,
  HEAD_KEY,
  LEAF_INDEX_MARK_KEY,
  LEAF_INDEX_RANGE,
  LEAVES_RANGE,
  TILE_RANGE,
} from '../../src/log/layout.ts';
import { type LeafRecord, leafDataOf } from '../../src/log/leaf-record.ts';
import { LeafStore } from '../../src/log/leaf-store.ts';
import { TransparencyLog } from '../../src/log/log.ts';
import { LogTree } from '../../src/log/tree.ts';
import { leafHash } from '../../src/merkle/index.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import type { OrderedMap } from '../../src/storage/ordered-map.ts';
import { crypto, foreign, joined, options, startedLog } from '../log/world.ts';
import { FaultyDisk } from '../storage/faulty.ts';

/** Rows of an honest log of a little more than two bundles: foreign statements, a few of ours, many runs. */
export async function honestRows(): Promise<OrderedMap> {
  const disk = new FaultyDisk();
  const log = await startedLog({ openStorage: disk.open });
  const member = await joined(log, 'Ed25519');
  for (let n = 0; log.head.size < 530; n++) {
    await Promise.all(Array.from({ length: 40 }, (_, i) => log.submit(foreign(member, n * 40 + i))));
  }
  await joined(log);
  await log.close();
  // A start stores the parts of the leaf index that are whole.
  await (await TransparencyLog.open(options({ openStorage: disk.open, indexPart: 256 }))).close();
  return disk.durable;
}

export function audit(storage: Storage, options: Partial<FsckOptions> = {}) {
  return fsckStorage(storage, {
    ...{ crypto, auditors: auditInPlace(crypto), rules: rulesId(crypto) },
    ...options,
  });
}

/** `rows` with other leaves, and a tree over them in which nothing is wrong. */
export async function rewritten(
  rows: OrderedMap,
  change: (records: LeafRecord[]) => LeafRecord[],
): Promise<Storage> {
  const storage = memoryStorage();
  const copy = new WriteBatch();
  for (const [key, value] of rows.slice({})) copy.put(key, value);
  await storage.write(copy);
  const { size, origin } = decodeHead(rows.get(HEAD_KEY)!);
  const old = new LeafStore(storage);
  const records: LeafRecord[] = [];
  while (records.length < size) records.push(...(await old.run(records.length, size)));
  const changed = change(records);
  const batch = new WriteBatch();
  // The leaf index is made anew by the next start.
  batch.del(LEAF_INDEX_MARK_KEY);
  for (const range of [LEAVES_RANGE, TILE_RANGE, EDGE_RANGE, LEAF_INDEX_RANGE]) {
    for (const [key] of rows.slice(range)) batch.del(key);
  }
  const tree = LogTree.restore(crypto, storage, 0, []);
  for (const record of changed) tree.append(leafHash(crypto, leafDataOf(crypto, record)));
  new LeafStore(storage).append(batch, 0, changed);
  tree.addWrites(batch);
  batch.put(HEAD_KEY, encodeHead({ size: tree.size, root: tree.root(), origin }));
  await storage.write(batch);
  return storage;
}

export function replaced(
  records: LeafRecord[],
  index: number,
  change: (bytes: Bytes) => Bytes,
): LeafRecord[] {
  return records.map((record, i) => (i === index ? { ...record, bytes: change(record.bytes) } : record));
}
