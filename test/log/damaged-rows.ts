/** A log's stored rows outside of any storage, to be changed byte by byte and opened again. */
import assert from 'node:assert/strict';
import type { Bytes } from '../../src/core/bytes.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import type { OrderedMap } from '../../src/storage/ordered-map.ts';

export type Row = readonly [key: Bytes, value: Bytes];

/** What happened to one row. */
export interface Damage {
  readonly name: string;
  /** What is found in its place: nothing, or a row that may have another key. */
  readonly found: Row | undefined;
}

/** Bytes of a long value that are changed one at a time, spread over it. */
const POSITIONS = 6;

/** Bytes changed one at a time, cut, added, lost; the whole row lost, or under another key. */
export function* damages([key, value]: Row): Generator<Damage> {
  const step = Math.max(1, Math.ceil(value.length / POSITIONS));
  for (let at = 0; at < value.length; at += step) {
    yield { name: `byte ${at} changed`, found: [key, flipped(value, at)] };
  }
  yield { name: 'last byte changed', found: [key, flipped(value, value.length - 1)] };
  yield { name: 'last byte lost', found: [key, value.subarray(0, -1)] };
  yield { name: 'half of it lost', found: [key, value.subarray(0, value.length >> 1)] };
  yield { name: 'emptied', found: [key, new Uint8Array()] };
  yield { name: 'a byte added', found: [key, Uint8Array.of(...value, 0)] };
  yield { name: 'four zero bytes added', found: [key, Uint8Array.of(...value, 0, 0, 0, 0)] };
  yield { name: 'lost', found: undefined };
  if (key.length > 1) yield { name: 'under another key', found: [flipped(key, key.length - 1), value] };
  if (key.length > 1) yield { name: 'under a shorter key', found: [key.subarray(0, -1), value] };
  yield { name: 'under a key of another kind', found: [flipped(key, 0), value] };
}

export function flipped(bytes: Bytes, at: number): Bytes {
  assert.ok(at < bytes.length, 'there is no such byte');
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}

/** A storage with `rows` in it, where `damage` has befallen the row under `key`. */
export async function storageOf(rows: OrderedMap, key?: Bytes, damage?: Damage): Promise<Storage> {
  const storage = memoryStorage();
  const batch = new WriteBatch();
  for (const [each, value] of rows.slice({})) batch.put(each, value);
  if (key) batch.del(key);
  if (damage?.found) batch.put(...damage.found);
  await storage.write(batch);
  return storage;
}
