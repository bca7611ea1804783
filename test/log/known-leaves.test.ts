/** What a tree says is not there is not there, from the first leaf on and after a restart; and then no storage is asked. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bytes, equal, u64be } from '../../src/core/bytes.ts';
import { fail } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import { indexKey, tileKey } from '../../src/log/layout.ts';
import { LogTree } from '../../src/log/tree.ts';
import { leafHash, treeRoot } from '../../src/merkle/index.ts';
import { LaneTree } from '../../src/merkle/lane-tree.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import { FaultyDisk } from '../storage/faulty.ts';
import { flipped } from './damaged-rows.ts';
import { crypto, foreign, joined, options, startedLog } from './world.ts';

const never = () => false;
const lanes = new LaneTree(crypto);
const hashOf = (n: number) => leafHash(crypto, u64be(n));

/** A tree of `size` leaves as it is restored from what another one has stored. */
async function restored(size: number): Promise<{ tree: LogTree; storage: Storage; leaves: Bytes[] }> {
  const storage = memoryStorage();
  const leaves = Array.from({ length: size }, (_, n) => hashOf(n));
  const first = LogTree.restore(crypto, storage, 0, []);
  for (const hash of leaves) first.append(hash);
  const batch = new WriteBatch();
  first.addWrites(batch);
  await storage.write(batch);
  const open: Bytes[][] = [];
  for (let row = leaves; row.length > 0; ) {
    const full = Math.floor(row.length / 256);
    open.push(row.slice(full * 256));
    row = Array.from({ length: full }, (_, i) => treeRoot(crypto, row.slice(i * 256, i * 256 + 256)));
  }
  return { tree: LogTree.restore(crypto, storage, size, open), storage, leaves };
}

describe('a restored tree', () => {
  for (const size of [0, 1, 255, 256, 257, 600, 65_535, 65_536, 66_100]) {
    test(`of ${size} leaves`, async () => {
      const { tree, leaves } = await restored(size);
      if (size >= 256) assert.equal(tree.mayHold(hashOf(size)), true, 'before it has learned');
      const learned = tree.learn(lanes, never);
      // Meanwhile the log goes on, over the end of a tile.
      const later = Array.from({ length: 300 }, (_, i) => hashOf(size + i));
      for (const hash of later) tree.append(hash);
      await learned;
      assert.ok([...leaves, ...later].every((hash) => tree.mayHold(hash)));
      const strangers = Array.from({ length: 1000 }, (_, i) => hashOf(1e6 + i)).filter((hash) =>
        tree.mayHold(hash),
      );
      assert.ok(strangers.length < 10, `${strangers.length} of 1,000 that are not there`);
    });
  }

  test('that is stopped knows nothing', async () => {
    const { tree } = await restored(600);
    let tiles = 0;
    await tree.learn(lanes, () => tiles++ > 0);
    assert.equal(tree.mayHold(hashOf(1e6)), true);
  });

  test('that cannot be read knows nothing, and learns with the next try', async () => {
    const { tree, storage, leaves } = await restored(66_100);
    const get = storage.get.bind(storage);
    let reads = 0;
    storage.get = async (key) => {
      if (++reads === 100) throw fail('STORAGE_FAILED', 'a bad moment');
      return get(key);
    };
    await assert.rejects(tree.learn(lanes, never), { code: 'STORAGE_FAILED' });
    assert.equal(tree.mayHold(hashOf(1e6)), true);
    await tree.learn(lanes, never);
    assert.ok(leaves.every((hash) => tree.mayHold(hash)));
    assert.equal(tree.mayHold(hashOf(1e6)), false);
  });

  for (const [level, index] of [
    [0, 0],
    [0, 255],
    [0, 257],
    [1, 0],
  ] as const) {
    test(`finds damage in tile ${level}/${index}`, async () => {
      const key = tileKey(level, index);
      for (const damage of ['missing', 'short', 'flipped first', 'flipped last']) {
        const { tree, storage } = await restored(66_100);
        const tile = (await storage.get(key))!.slice();
        const at = damage === 'flipped first' ? 0 : tile.length - 1;
        tile[at]! ^= 1;
        const batch = new WriteBatch();
        if (damage === 'missing') batch.del(key);
        else batch.put(key, damage === 'short' ? tile.subarray(0, 8160) : tile);
        await storage.write(batch);
        await assert.rejects(tree.learn(lanes, never), { code: 'LOG_CORRUPT' }, damage);
        assert.equal(tree.mayHold(hashOf(1e6)), true, 'and goes on knowing nothing');
      }
    });
  }
});

/** A storage that counts what is asked of the index, and holds the first tile back when it is learned: after the restart has read it. */
function watched(storage: Storage) {
  const seen = { asked: 0 };
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reads = 0;
  const view: Storage = {
    get: async (key) => {
      if (equal(key, tileKey(0, 0)) && ++reads === 2) await released;
      return storage.get(key);
    },
    getMany: (keys) => {
      seen.asked += keys.filter((key) => key[0] === indexKey(new Uint8Array(32))[0]).length;
      return storage.getMany(keys);
    },
    range: (range) => storage.range(range),
    write: (batch, expect) => storage.write(batch, expect),
    close: () => storage.close(),
  };
  return { view, seen, release };
}

const places = (outcomes: Awaited<ReturnType<TransparencyLog['submitAll']>>) =>
  outcomes.map((one) => ('index' in one ? [one.index, one.existed] : [one.code]));

test('a log takes nothing twice, before it has learned and after, and then does not ask about what is new', async () => {
  const disk = new FaultyDisk();
  const first = await startedLog({ openStorage: disk.open });
  const member = await joined(first);
  const statements = Array.from({ length: 600 }, (_, n) => foreign(member, n));
  const placed = places(await first.submitAll(statements)).map(([index]) => [index, true]);
  await first.close();

  const { view, seen, release } = watched(await disk.open());
  const log = await startedLog({ openStorage: async () => view });
  const { size } = log.head;
  assert.deepEqual(places(await log.submitAll(statements)), placed);
  assert.equal(log.head.size, size);
  assert.equal(seen.asked >= statements.length, true);

  release();
  await until(async () => {
    const before = seen.asked;
    await log.submit(foreign(member, 10_000 + before));
    return seen.asked === before;
  });
  const fresh = Array.from({ length: 500 }, (_, n) => foreign(member, 50_000 + n));
  const asked = seen.asked;
  const taken = places(await log.submitAll(fresh));
  assert.ok(seen.asked - asked < 20, `${seen.asked - asked} questions about 500 new ones`);
  assert.ok(taken.every(([, existed]) => existed === false));
  assert.deepEqual(places(await log.submitAll([...statements, ...fresh])), [
    ...placed,
    ...taken.map(([index]) => [index, true]),
  ]);
  await log.close();
});

test('a log whose tiles of leaf hashes are damaged below the verified mark stops', async () => {
  const disk = new FaultyDisk();
  const log = await startedLog({ openStorage: disk.open });
  const member = await joined(log);
  await log.submitAll(Array.from({ length: 300 }, (_, n) => foreign(member, n)));
  await log.close();
  const tile = disk.durable.get(tileKey(0, 0))!;
  const { view } = watched(await disk.open());
  // Read once for the restart, and damaged before it is read again.
  let reads = 0;
  const rotten: Storage = {
    ...view,
    get: async (key) => (equal(key, tileKey(0, 0)) && ++reads > 1 ? flipped(tile, 100) : view.get(key)),
  };
  const again = await TransparencyLog.open(options({ openStorage: async () => rotten }));
  await until(async () => !again.status.accepting);
  assert.match(again.status.reason!, /tile 0\/0 does not hash to what level 1 holds/);
  await again.close();
});

test('a log that cannot read its tiles says so, goes on, and ends at once', async () => {
  const disk = new FaultyDisk();
  const first = await startedLog({ openStorage: disk.open });
  const member = await joined(first);
  const statements = Array.from({ length: 300 }, (_, n) => foreign(member, n));
  await first.submitAll(statements);
  await first.close();
  const { view, release } = watched(await disk.open());
  release();
  let reads = 0;
  const failing: Storage = {
    ...view,
    get: async (key) => {
      if (equal(key, tileKey(0, 0)) && ++reads === 2) throw fail('STORAGE_FAILED', 'a bad moment');
      return view.get(key);
    },
  };
  const warnings: string[] = [];
  const observe = {
    event: (level: string, message: string) => void (level === 'warn' && warnings.push(message)),
  };
  const log = await TransparencyLog.open(options({ openStorage: async () => failing, observe }));
  await until(async () => warnings.length > 0);
  assert.match(warnings[0]!, /each statement is looked up/);
  assert.equal((await log.submit(foreign(member, 400))).existed, false);
  assert.equal((await log.submit(statements[20]!)).existed, true);
  await log.close();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited++) {
    assert.ok(waited < 200, 'it never came to be');
    await delay(10);
  }
}
