import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskFloor } from '../../src/log/disk-floor.ts';

test('below the floor, above it again, and full when the file system cannot be asked', async () => {
  let free: number | Error = 100;
  const floor = new DiskFloor('.', 50, async () => {
    if (free instanceof Error) throw free;
    return free;
  });
  try {
    assert.equal(await floor.check(), false);
    free = 49;
    assert.equal(await floor.check(), true);
    assert.equal(floor.below, true);
    free = 50;
    assert.equal(await floor.check(), false);
    free = new Error('gone');
    assert.equal(await floor.check(), true, 'fail closed');
  } finally {
    floor.stop();
  }
});

test('asks the real file system', async () => {
  const none = new DiskFloor('.', 0);
  const all = new DiskFloor('.', Number.MAX_SAFE_INTEGER);
  assert.equal(await none.check(), false);
  assert.equal(await all.check(), true);
  none.stop();
  all.stop();
});
