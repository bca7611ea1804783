import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeStateEntry } from '../../src/chain/index.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { CompactRange } from '../../src/merkle/index.ts';
import { decodeProgress, encodeProgress } from '../../src/monitor/progress.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';

const log = { origin: 'log.example/test', genesis: new Uint8Array(32).fill(1) };
const range = CompactRange.empty();
for (let i = 0; i < 11; i++) range.append(crypto, crypto.sha256(utf8(`${i}`)));
const hash = new Uint8Array(32);
const tip = { index: 10, time: 5, mapRoot: hash, mapCount: 1, rules: hash, previous: 3, effectsRoot: hash };
const row = encodeProgress(crypto, log, { range, stateEntry: encodeStateEntry(tip) });

test('progress reads back', () => {
  const read = decodeProgress(crypto, row, log);
  assert.deepEqual(read.tip, tip);
  assert.deepEqual(read.range.root(crypto), range.root(crypto));
});

test('of another log, or with any byte changed, it is refused', () => {
  const other = { ...log, genesis: hash };
  assert.throws(() => decodeProgress(crypto, row, other), { code: 'CONFIG_INVALID' });
  for (const damaged of mangled(row)) {
    assert.deepEqual(
      outcome(() => decodeProgress(crypto, damaged, log)),
      { code: 'LOG_CORRUPT' },
    );
  }
});
