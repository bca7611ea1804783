import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeStateEntry,
  decodeVerdict,
  effectsRoot,
  encodeStateEntry,
  encodeVerdict,
  type StateEntry,
  type Verdict,
  verdictPath,
} from '../../src/chain/state-entry.ts';
import { type Bytes, concat, equal, utf8 } from '../../src/core/bytes.ts';
import { encode } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { rootFromInclusion } from '../../src/merkle/proof.ts';
import { leafHash } from '../../src/merkle/tree.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

/** 9999-12-31T23:59:59.999Z. */
const LAST_TIME = Date.UTC(10_000, 0) - 1;
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const entries: fc.Arbitrary<StateEntry> = fc
  .record({
    index: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    time: fc.nat({ max: LAST_TIME }),
    mapRoot: hash,
    mapCount: fc.maxSafeNat(),
    rules: hash,
    before: fc.option(fc.double({ min: 0, max: 0.999, noNaN: true })),
    effectsRoot: hash,
  })
  .map(({ before, ...rest }) => ({
    ...rest,
    previous: before === null ? null : Math.floor(before * rest.index),
  }));
const verdicts: fc.Arbitrary<Verdict> = fc.oneof(
  fc.maxSafeNat().map((index): Verdict => ({ index, outcome: 'ok', reason: null })),
  fc.maxSafeNat().map((index): Verdict => ({ index, outcome: 'refused', reason: 'KEY_REVOKED' })),
);

test('a state entry reads as it was written, and is longer than a statement’s leaf data', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const bytes = encodeStateEntry(entry);
      assert.ok(bytes.length > 32);
      assert.deepEqual(decodeStateEntry(bytes), entry);
    }),
  );
});

test('the time of a state entry has a date: who reads it to people must not crash', () => {
  const [entry] = fc.sample(entries, 1) as [StateEntry];
  assert.equal(decodeStateEntry(encodeStateEntry({ ...entry, time: LAST_TIME })).time, LAST_TIME);
  for (const time of [LAST_TIME + 1, Number.MAX_SAFE_INTEGER]) {
    const late = encodeStateEntry({ ...entry, time });
    assert.throws(() => decodeStateEntry(late), { code: 'ENTRY_MALFORMED' });
  }
});

test('a verdict reads as it was written', () => {
  fc.assert(
    fc.property(verdicts, (verdict) => assert.deepEqual(decodeVerdict(encodeVerdict(verdict)), verdict)),
  );
});

function mangled(bytes: Bytes): Bytes[] {
  const out: Bytes[] = [concat(bytes, Uint8Array.of(0))];
  for (let i = 0; i < bytes.length; i++) {
    for (const change of [1, 0x20, 0x80, 0xff])
      out.push(bytes.map((byte, at) => (at === i ? byte ^ change : byte)));
    out.push(bytes.slice(0, i), concat(bytes.subarray(0, i), bytes.subarray(i + 1)));
  }
  return out;
}

describe('mangled', () => {
  const entry: StateEntry = {
    index: 300,
    time: 1_767_225_600_000,
    mapRoot: new Uint8Array(32).fill(1),
    mapCount: 70_000,
    rules: new Uint8Array(32).fill(2),
    previous: 200,
    effectsRoot: new Uint8Array(32).fill(3),
  };
  const cases = [
    { bytes: encodeStateEntry(entry), again: (bytes: Bytes) => encodeStateEntry(decodeStateEntry(bytes)) },
    {
      bytes: encodeVerdict({ index: 7, outcome: 'refused', reason: 'KEY_REVOKED' }),
      again: (bytes: Bytes) => encodeVerdict(decodeVerdict(bytes)),
    },
  ];
  for (const { bytes, again } of cases) {
    test('is refused, or is another of the same form', () => {
      for (const other of mangled(bytes)) {
        try {
          assert.ok(equal(again(other), other));
        } catch (error) {
          const codes = ['ENTRY_MALFORMED', 'CBOR_MALFORMED', 'CBOR_NOT_DETERMINISTIC'];
          assert.ok(isLedgerError(error) && codes.includes(error.code), String(error));
        }
      }
    });
  }

  test('things that cannot be', () => {
    const { index, time, mapRoot, mapCount, rules, effectsRoot: effects } = entry;
    const good = ['aichain/state/v1', index, time, mapRoot, mapCount, rules, null, effects];
    decodeStateEntry(encode(good));
    for (const [at, value] of [
      [0, 'aichain/state/v2'],
      [1, 0],
      [1, -1],
      [1, 2n ** 60n],
      [2, 'now'],
      [3, new Uint8Array(31)],
      [6, index],
      [7, null],
    ] as const) {
      const bad = encode(good.map((member, i) => (i === at ? value : member)));
      assert.throws(() => decodeStateEntry(bad), { code: 'ENTRY_MALFORMED' });
    }
    for (const bad of [
      ['x'],
      [1, 'ok'],
      [1, 'maybe', null],
      [1, 'refused', null],
      [1, 'ok', 'nice'],
      [-1, 'ok', null],
    ]) {
      assert.throws(() => decodeVerdict(encode(bad)), { code: 'ENTRY_MALFORMED' });
    }
  });
});

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`every verdict is under the effects root, with ${crypto.name}`, () => {
    assert.deepEqual(effectsRoot(crypto, []), crypto.sha256(utf8('')));
    for (let size = 1; size <= 20; size++) {
      const list = Array.from(
        { length: size },
        (_, i): Verdict => ({ index: i + 5, outcome: 'ok', reason: null }),
      );
      const root = effectsRoot(crypto, list);
      list.forEach((verdict, position) => {
        const leaf = leafHash(crypto, encodeVerdict(verdict));
        const path = verdictPath(crypto, list, position);
        assert.deepEqual(rootFromInclusion(crypto, position, size, leaf, path), root);
      });
    }
  });
}
