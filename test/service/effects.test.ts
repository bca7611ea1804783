/** What entries did, wherever the state entry of their batch lies: in their row, in another one, or in another bundle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TILE_WIDTH } from '../../src/merkle/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { verifyEffect } from '../../src/verify/effect.ts';
import { crypto, foreign, joined, startedLog } from '../log/world.ts';

test('the effect of every entry verifies, and an answer says no more than it did', async () => {
  const log = await startedLog();
  try {
    const member = await joined(log);
    // The largest are a few to a row.
    const payload = (n: number) => (n % 50 === 0 ? 'x'.repeat(900_000) : `statement ${n}`);
    await Promise.all(Array.from({ length: 560 }, (_, n) => log.submit(foreign(member, n, payload(n)))));
    const ledger = new LedgerService(crypto, log);
    const { root, size } = log.head;
    const bundle = (index: number) => Math.floor(index / TILE_WIDTH);
    let [statements, crossing] = [0, 0];
    for (let index = 0; index < size; index++) {
      if ((await log.record(index)).isStateEntry) {
        await assert.rejects(ledger.effect(index), { code: 'ARGUMENT_INVALID' });
        continue;
      }
      const effect = await ledger.effect(index);
      assert.ok(!('statement' in effect));
      const { outcome, stateIndex } = verifyEffect(crypto, { root, size }, index, {
        ...effect,
        path: effect.statePath,
      });
      assert.equal(outcome, 'ok');
      assert.equal(stateIndex, await log.closingStateEntry(index));
      statements += 1;
      if (bundle(index) !== bundle(stateIndex)) crossing += 1;
    }
    assert.ok(statements > 560);
    assert.ok(crossing > 0, 'no batch lay in two bundles');
    await assert.rejects(ledger.effect(size), { code: 'NOT_FOUND' });
  } finally {
    await log.close();
  }
});
