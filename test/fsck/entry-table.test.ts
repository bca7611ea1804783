import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryTable } from '../../src/fsck/entry-table.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

test('a table that has to grow holds what one does that has room from the start', () => {
  const [small, large] = [new EntryTable(Number.MAX_SAFE_INTEGER, 3), new EntryTable(1000)];
  // Every fifth is no statement, every seventh a copy of an earlier one.
  const id = (index: number) => crypto.sha256(Uint8Array.of(index >> 8, index % 7 === 6 ? 1 : index));
  for (const table of [small, large]) {
    for (let index = 0; index < 1000; index++) {
      if (index % 5 === 4) continue;
      table.add(index, id(index));
      if (index % 2 === 0) table.accepted(index, index % 3 === 0 ? null : 'contract.sign');
    }
  }
  for (let index = 0; index < 1000; index++) {
    assert.equal(small.has(index), large.has(index));
    assert.deepEqual(small.at(index), large.at(index));
    assert.equal(small.first(id(index)), large.first(id(index)));
  }
  assert.equal(small.has(1_000_000), false);
  assert.equal(small.at(1_000_000), undefined);
});
