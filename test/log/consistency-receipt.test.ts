/** One signature serves all receipts of consistency with a tree, and none of another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeReceipt, verifyConsistencyReceipt } from '../../src/cose/index.ts';
import { consistencyReceipt } from '../../src/log/publisher.ts';
import { crypto, foreign, joined, startedLog } from '../log/world.ts';

test('receipts of several trees, asked for in any order, are each of their own', async () => {
  const log = await startedLog();
  try {
    const member = await joined(log);
    const heads = [log.head];
    for (let n = 0; n < 4; n++) {
      await log.submit(foreign(member, n));
      heads.push(log.head);
    }
    const { origin } = log;
    let signed = 0;
    const { key } = log.keys.receipt;
    const sign = (message: Uint8Array) => {
      signed++;
      return key.sign(message);
    };
    const keys = { ...log.keys, receipt: { ...log.keys.receipt, key: { ...key, sign } } };
    const verified = async (older: number, newer: number, at = heads[newer]!) => {
      const from = heads[older]!;
      const receipt = consistencyReceipt(
        keys,
        origin,
        from.size,
        at,
        await log.consistencyPath(from.size, at.size),
      );
      const { size, root } = verifyConsistencyReceipt(crypto, key.publicKey, decodeReceipt(receipt), from, {
        origin,
      });
      assert.deepEqual([size, [...root]], [at.size, [...at.root]]);
    };
    for (const older of [0, 1, 2, 3]) await verified(older, 4);
    assert.equal(signed, 1);
    for (const newer of [2, 4, 3, 3]) await verified(0, newer);
    assert.equal(signed, 4);
    // The same size and another time or root are another tree.
    await verified(0, 3, { ...heads[3]!, time: heads[3]!.time + 1 });
    await assert.rejects(verified(0, 3, { ...heads[3]!, root: heads[2]!.root }), {
      name: /AssertionError|LedgerError/,
    });
    assert.equal(signed, 6);
  } finally {
    await log.close();
  }
});
