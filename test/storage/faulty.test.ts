import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLedgerError } from '../../src/core/errors.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { eachFault, FaultyDisk, type Moment } from './faulty.ts';
import { b, failsWith, put, rowsOf, storageSuite } from './suite.ts';

storageSuite({
  name: 'faulty disk without faults',
  capabilities: { persistent: true, locks: true },
  async medium() {
    const disk = new FaultyDisk();
    return { open: disk.open, destroy: async () => {} };
  },
});

const failed = failsWith('STORAGE_FAILED');

describe('faulty disk', () => {
  const cases: { moment: Moment; after: 'crash' | 'kill' | 'reopen'; there: boolean }[] = [
    { moment: 'before', after: 'crash', there: false },
    { moment: 'before', after: 'kill', there: false },
    { moment: 'before', after: 'reopen', there: false },
    { moment: 'unsynced', after: 'crash', there: false },
    { moment: 'unsynced', after: 'kill', there: true },
    { moment: 'unsynced', after: 'reopen', there: true },
    { moment: 'after', after: 'crash', there: true },
    { moment: 'after', after: 'kill', there: true },
    { moment: 'after', after: 'reopen', there: true },
  ];
  for (const { moment, after, there } of cases) {
    it(`a write that fails ${moment}, then ${after}: ${there ? 'is' : 'is not'} there`, async () => {
      const disk = new FaultyDisk([{ operation: 'write', at: 2, moment }]);
      const storage = await disk.open();
      await storage.write(put(['a', '1']));
      await assert.rejects(storage.write(put(['a', '2'], ['b', '2'])), failed);
      await assert.rejects(storage.write(put(['c', '3'])), failed, 'no write behind a failed one');
      if (after === 'reopen') await storage.close();
      else disk[after]();
      const found = await rowsOf(await disk.open());
      const kept = [[b('a'), b('1')]];
      assert.deepEqual(
        found,
        there
          ? [
              [b('a'), b('2')],
              [b('b'), b('2')],
            ]
          : kept,
      );
      assert.equal(disk.struck.length, 1);
    });
  }

  it('a crash while a write is under way loses it, and the dead storage stays dead', async () => {
    const disk = new FaultyDisk();
    const storage = await disk.open();
    const write = assert.rejects(storage.write(put(['a', '1'])), failed);
    disk.crash();
    const again = await disk.open();
    await write;
    await assert.rejects(storage.get(b('a')), failed);
    await storage.close();
    assert.deepEqual(await rowsOf(again), []);
    await again.write(put(['b', '2']));
    await assert.rejects(disk.open(), failsWith('LOG_LOCKED'));
  });

  it('a machine that is down refuses everything until it is started again', async () => {
    const disk = new FaultyDisk([{ operation: 'write', at: 1, moment: 'unsynced', down: true }]);
    const storage = await disk.open();
    await assert.rejects(storage.write(put(['a', '1'])), failed);
    assert.ok(disk.down);
    await assert.rejects(storage.get(b('a')), failed);
    await storage.close();
    await assert.rejects(disk.open(), failed);
    disk.crash();
    assert.deepEqual(await rowsOf(await disk.open()), []);
  });

  it('fails reads and opens, once', async () => {
    const disk = new FaultyDisk([
      { operation: 'open', at: 1, moment: 'before' },
      { operation: 'read', at: 2, moment: 'before' },
    ]);
    await assert.rejects(disk.open(), failed);
    const storage = await disk.open();
    assert.equal(await storage.get(b('a')), undefined);
    await assert.rejects(rowsOf(storage), failed);
    assert.deepEqual(await rowsOf(storage), []);
    assert.deepEqual(disk.trace, ['open', 'open', 'read', 'read', 'read']);
    assert.deepEqual(disk.counts, { open: 2, read: 3, write: 0 });
  });
});

describe('eachFault', () => {
  /** A counter that promises `n` once it has committed it, and starts again from what it finds. */
  async function counter(disk: FaultyDisk, durableFirst: boolean): Promise<void> {
    let promised = 0;
    for (let starts = 0; starts < 8; starts++) {
      try {
        const storage: Storage = await disk.open();
        const found = (await storage.get(b('n')))?.[0] ?? 0;
        assert.ok(found >= promised, `promised ${promised}, found ${found}`);
        for (let n = found + 1; n <= 3; n++) {
          if (!durableFirst) promised = n;
          await storage.write(put(['n', String.fromCharCode(n)]));
          promised = n;
        }
        return;
      } catch (error) {
        if (!isLedgerError(error, 'STORAGE_FAILED')) throw error;
        disk.crash();
      }
    }
    assert.fail('does not come up again');
  }

  it('visits every operation and moment', async () => {
    // open, read, write, write, write: (1 + 1 + 3 · 3) faults, each with and without stopping the machine
    assert.equal(await eachFault((disk) => counter(disk, true)), 22);
    assert.equal(await eachFault((disk) => counter(disk, true), { operations: ['write'], down: true }), 9);
    assert.ok((await eachFault((disk) => counter(disk, true), { depth: 2 })) > 300);
  });

  it('finds a promise that was made before the write was durable, and names the fault', async () => {
    await assert.rejects(
      eachFault((disk) => counter(disk, false)),
      /with write 1 before: promised 1, found 0/,
    );
  });
});
