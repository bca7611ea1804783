import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { emptyRoot } from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { verifyCheckpoints } from '../../src/verify/index.ts';
import { assertNeverProves, codeOf, ladderOf } from './sample.ts';
import { SmallLog } from './small-log.ts';

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`verification of two checkpoints (${crypto.name})`, async () => {
    const { log, member } = SmallLog.begin(crypto);
    const old = log.head();
    const fork = log.fork();
    for (let i = 0; i < 4; i++) log.commit(log.statement(member, `here ${i}`));
    for (let i = 0; i < 4; i++) fork.commit(fork.statement(member, `there ${i}`));
    const newer = log.head().checkpoint;
    const trust = log.trust();
    const { path } = await log.consistency(old.size);
    const verify = (more: object) =>
      verifyCheckpoints({ crypto, trust, older: old.checkpoint, newer, path, ...more });

    it('passes for an honest log, from a note or from a head that was kept', () => {
      const result = verify({});
      assert.deepEqual(ladderOf(result), [
        'older checkpoint: ok',
        'checkpoint: ok',
        'consistency: ok',
        'quorum: skipped',
      ]);
      assert.equal(codeOf(verify({ older: { size: old.size, root: old.root } })), 'verified');
      assert.equal(codeOf(verify({ newer: old.checkpoint, path: [] })), 'verified');
      assert.equal(codeOf(verify({ older: { size: 0, root: emptyRoot(crypto) }, path: [] })), 'verified');
    });

    const { log: elsewhere } = SmallLog.begin(crypto, 'other.example/log');
    const forkedPath = (await fork.consistency(old.size + 2)).path;
    for (const [why, more, code] of [
      ['two trees of one size', { older: fork.head().checkpoint, path: [] }, 'FORK'],
      [
        'a branch that left the other one',
        { older: fork.headAt(old.size + 2).checkpoint, path: forkedPath },
        'CONSISTENCY_INVALID',
      ],
      ['no path', { path: [] }, 'PROOF_MALFORMED'],
      ['a path too long', { path: [...path, path[0]!] }, 'PROOF_MALFORMED'],
      ['the order turned round', { older: newer, newer: old.checkpoint }, 'STALE'],
      ['another log', { newer: elsewhere.head().checkpoint }, 'NOTE_UNSIGNED'],
      ['an empty tree with a root', { older: { size: 0, root: old.root }, path: [] }, 'CONSISTENCY_INVALID'],
      ['a path from the empty tree', { older: { size: 0, root: emptyRoot(crypto) } }, 'PROOF_MALFORMED'],
    ] as const) {
      it(`refuses ${why}: ${code}`, () => assert.equal(codeOf(verify(more)), code));
    }

    const step = crypto.name === 'node' ? 5 : 31;
    const meaning = ({ head }: { head: { size: number } }) => head.size;
    it('is never fooled by a damaged path or note', () => {
      path.forEach((hash, i) => {
        assertNeverProves(hash, step, (bad) => verify({ path: path.with(i, bad) }), meaning);
      });
      const lossy = new TextDecoder();
      assertNeverProves(utf8(newer), step, (bad) => verify({ newer: lossy.decode(bad) }), meaning);
      assertNeverProves(utf8(old.checkpoint), step, (bad) => verify({ older: lossy.decode(bad) }), meaning);
    });
  });
}
