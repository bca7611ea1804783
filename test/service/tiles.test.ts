/** Bundles as they are handed out: what a full one holds is kept, and is what the log holds; a cut one is of its own width. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEntryBundle, parseStatementBundle } from '../../src/merkle/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { crypto, foreign, joined, startedLog } from '../log/world.ts';

test('bundles hold the leaves and statements of their width, however often and in whatever width they are asked for', async () => {
  const log = await startedLog();
  try {
    const member = await joined(log);
    await Promise.all(Array.from({ length: 560 }, (_, n) => log.submit(foreign(member, n))));
    const ledger = new LedgerService(crypto, log);
    const { size } = log.head;
    const rest = size % 256;
    const last = Math.floor(size / 256);
    const widths: [path: string, first: number, count: number][] = [
      ['000', 0, 256],
      ['001', 256, 256],
      ['000.p/7', 0, 7],
      ['000', 0, 256],
      [`00${last}.p/${rest}`, last * 256, rest],
    ];
    for (const [path, first, count] of widths) {
      const records = [];
      for (let i = 0; i < count; i++) records.push(await log.record(first + i));
      assert.deepEqual(
        parseEntryBundle(await ledger.tile(`tile/entries/${path}`)).map((leaf) => [...leaf]),
        records.map((record) => [...log.leafData(record)]),
      );
      assert.deepEqual(
        parseStatementBundle(await ledger.tile(`tile/statements/${path}`)).map((body) => body && [...body]),
        records.map(({ isStateEntry, bytes }) => (isStateEntry ? null : [...bytes])),
      );
    }
  } finally {
    await log.close();
  }
});
