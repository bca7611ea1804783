import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { CompactRange, hashesOf } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { type ClaimedEntry, checkEntry, leftEdge, verifyEntry, verifyRun } from '../../src/verify/index.ts';
import * as tree from '../cose/tree.ts';
import { SmallLog } from './small-log.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);
const statements = Array.from({ length: 70 }, (_, i) => utf8(`statement ${i}`));
const entries: ClaimedEntry[] = statements.map((statement, index) => {
  return { index, leafData: crypto.sha256(statement), statement };
});
const data = entries.map(({ leafData }) => leafData);
const headOf = (size: number) => ({ size, root: tree.root(data.slice(0, size)) });
const pathOf = (index: number, size: number) => tree.inclusionPath(index, data.slice(0, size));

const run = fc
  .integer({ min: 1, max: data.length })
  .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })))
  .chain(([size, start]) =>
    fc.tuple(fc.constant(size), fc.constant(start), fc.integer({ min: start + 1, max: size })),
  );

describe('a run of entries under a root', () => {
  it('is proven by the path of its last entry and the left edge of its first', () => {
    fc.assert(
      fc.property(run, ([size, start, end]) => {
        const edge = leftEdge(start, size, pathOf(start, size));
        const after = verifyRun(crypto, headOf(size), edge, entries.slice(start, end), pathOf(end - 1, size));
        assert.equal(after.size, end);
        if (end < size) assert.deepEqual(after.hashes, leftEdge(end, size, pathOf(end, size)).hashes);
      }),
    );
  });

  it('goes on from the run before', () => {
    let edge = CompactRange.empty();
    for (let start = 0; start < 70; start += 7) {
      edge = verifyRun(crypto, headOf(70), edge, entries.slice(start, start + 7), pathOf(start + 6, 70));
    }
    assert.deepEqual(edge.root(crypto), headOf(70).root);
  });

  it('is refused with any entry changed, left out or moved', () => {
    fc.assert(
      fc.property(run, fc.nat(), fc.nat(2), ([size, start, end], at, damage) => {
        const page = entries.slice(start, end);
        const i = at % page.length;
        const statement = utf8('forged');
        if (damage === 0) page[i] = { ...page[i]!, leafData: crypto.sha256(statement), statement };
        else if (damage === 1) page.splice(i, 1);
        else page[i] = entries[(start + i + 1) % entries.length]!;
        const edge = leftEdge(start, size, pathOf(start, size));
        assert.throws(
          () => verifyRun(crypto, headOf(size), edge, page, pathOf(end - 1, size)),
          (error) => isLedgerError(error),
        );
      }),
    );
  });

  it('is refused with any hash of the paths changed: a wrong left edge cannot end at the verified path', () => {
    fc.assert(
      fc.property(run, fc.nat(), fc.boolean(), ([size, start, end], at, left) => {
        const path = left ? pathOf(start, size) : pathOf(end - 1, size);
        if (path.length === 0) return;
        const bad = path.map((hash, i) => (i === at % path.length ? crypto.sha256(hash) : hash));
        const edge = leftEdge(start, size, left ? bad : pathOf(start, size));
        const good = leftEdge(start, size, pathOf(start, size));
        const verify = () =>
          verifyRun(
            crypto,
            headOf(size),
            edge,
            entries.slice(start, end),
            left ? pathOf(end - 1, size) : bad,
          );
        // A changed hash to the right of the first entry says nothing about what is left of it.
        if (left && edge.hashes.every((hash, i) => hash === good.hashes[i])) return;
        if (left && edge.hashes.every((hash, i) => Buffer.compare(hash, good.hashes[i]!) === 0)) verify();
        else assert.throws(verify, refused('INCLUSION_INVALID'));
      }),
    );
  });

  it('has no left edge where the path lacks hashes on the left', () => {
    const path = pathOf(37, 70);
    for (const bad of [path.slice(0, 3), []]) {
      assert.throws(() => leftEdge(37, 70, bad), refused('PROOF_MALFORMED'));
    }
  });
});

describe('one entry', () => {
  const { log, member } = SmallLog.begin(crypto);
  log.commit(log.statement(member, 'one'));
  const all = log.leaves.map(({ leafData, statement }, index) => ({ index, leafData, statement }));

  it('is a statement that hashes to its entry id, or a state entry of its index', async () => {
    for (const entry of all) {
      const { path, head } = await log.inclusion({ index: entry.index });
      verifyEntry(crypto, head, entry, hashesOf(path));
    }
  });

  const { leafData: state } = all[1]!;
  for (const [why, entry, code] of [
    ['another statement', { ...all[0]!, statement: all[2]!.statement }, 'PREIMAGE_MISMATCH'],
    ['a statement withheld', { ...all[0]!, statement: null }, 'PREIMAGE_MISMATCH'],
    ['a state entry moved', { ...all[1]!, index: 3 }, 'ENTRY_MALFORMED'],
    [
      'bytes that are no state entry',
      { ...all[1]!, leafData: new Uint8Array(40) as Bytes },
      'CBOR_MALFORMED',
    ],
    ['a state entry as a statement', { ...all[1]!, statement: state }, 'PREIMAGE_MISMATCH'],
  ] as const) {
    it(`is refused: ${why}`, () => assert.throws(() => checkEntry(crypto, entry), refused(code)));
  }
});
