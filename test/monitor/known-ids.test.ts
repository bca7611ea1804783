/** A monitor that was started anew knows what it has replayed, whether it has read the names of all that or not yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Storage } from '../../src/storage/index.ts';
import { WatchedLog } from './watched-log.ts';

const INDEX = 'i'.charCodeAt(0);

/** The log's storage, which counts what is asked of the index, and holds its names back until they are released. */
function watched(storage: Storage) {
  const seen = { asked: 0, read: false };
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const view: Storage = {
    get: (key) => storage.get(key),
    getMany: (keys) => {
      seen.asked += keys.filter(([letter]) => letter === INDEX).length;
      return storage.getMany(keys);
    },
    async *range(range) {
      if (range.gte?.[0] !== INDEX) return yield* storage.range(range);
      await released;
      yield* storage.range(range);
      seen.read = true;
    },
    write: (batch, expect) => storage.write(batch, expect),
    close: () => storage.close(),
  };
  return { view, seen, release };
}

test('an entry that is logged again after a restart is one that was there; a new one is not looked up', async () => {
  const log = new WatchedLog();
  const [one, two] = ['one', 'two'].map((text) => log.view.statement(log.member, text)) as [
    Uint8Array,
    Uint8Array,
  ];
  log.view.commit(one);
  log.view.commit(two);
  await log.look();
  const { view, seen, release } = watched(log.storage);
  await log.open({ storage: view });

  log.view.commit(one);
  const before = (await log.look()).status;
  assert.deepEqual([before.convicted, before.replayed], [null, log.view.size]);
  assert.deepEqual([log.codes, seen.asked], [['INVALID_ENTRY'], 1]);

  release();
  while (!seen.read) await turn();
  const asked = seen.asked;
  log.grow(20);
  await log.look();
  assert.ok(seen.asked - asked < 3, `${seen.asked - asked} questions about 20 new entries`);

  log.view.commit(two, one);
  const after = (await log.look()).status;
  assert.deepEqual([after.convicted, after.replayed], [null, log.view.size]);
  assert.deepEqual(log.codes, ['INVALID_ENTRY', 'INVALID_ENTRY', 'INVALID_ENTRY']);
});
