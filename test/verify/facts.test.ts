import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KEY, PARTICIPANT, stateKey } from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { cosigner, formatVerifierKey, parsePolicy } from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type FactsEvidence, GENESIS_KEY, verifyFacts } from '../../src/verify/index.ts';
import { assertNeverProves, codeOf, ladderOf } from './sample.ts';
import { SmallLog } from './small-log.ts';

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`verification of facts (${crypto.name})`, async () => {
    const { log, member } = SmallLog.begin(crypto);
    const kid = log.world.kid(member.keys[0]);
    const keys = [
      GENESIS_KEY,
      PARTICIPANT.key(member.did),
      KEY.key(kid),
      stateKey('participant', 'did:web:no.one'),
    ];
    const before = await log.facts(keys);
    log.commit(log.statement(member, 'one'), log.statement(member, 'two'));
    const now = log.world.time + 10_000;
    const answer = await log.facts(keys);
    const evidence: FactsEvidence = {
      crypto,
      trust: log.trust({ freshnessSeconds: 60 }),
      checkpoint: answer.head.checkpoint,
      tip: answer.tip,
      facts: answer.facts,
      keys,
      now,
    };
    const verify = (more: Partial<FactsEvidence>) => verifyFacts({ ...evidence, ...more });
    const at = (i: number, change: object) =>
      answer.facts.map((fact, j) => (i === j ? { ...fact, ...change } : fact));

    it('gives records and proven absences', () => {
      const result = verify({});
      assert.ok(result.verified, codeOf(result));
      assert.deepEqual(ladderOf(result), [
        'checkpoint: ok',
        'quorum: skipped',
        'tip: ok',
        'rules: ok',
        'freshness: ok',
        'facts: ok',
        'genesis: ok',
      ]);
      const [, participant, key, nobody] = result.value.facts;
      assert.equal(PARTICIPANT.decode(participant!.value!).state, 'VERIFIED');
      assert.equal(KEY.decode(key!.value!).owner, member.did);
      assert.equal(nobody!.value, null);
      assert.equal(result.value.tip.index, log.size - 1);
    });

    it('says what it could not check', () => {
      const { now: _, ...timeless } = evidence;
      const { rules: _rules, ...trust } = log.trust();
      const result = verifyFacts({ ...timeless, trust, facts: [], keys: [] });
      assert.ok(result.verified);
      assert.deepEqual(
        ladderOf(result).filter((line) => line.endsWith('skipped')),
        ['quorum: skipped', 'rules: skipped', 'freshness: skipped', 'genesis: skipped'],
      );
    });

    const { log: elsewhere } = SmallLog.begin(crypto, 'other.example/log');
    const other = log.fork();
    other.world.put(PARTICIPANT.remove(member.did));
    other.commit(other.statement(member, 'removed'));
    const lie = await other.facts(keys);
    for (const [why, more, code] of [
      ['an older tip under a newer head', { tip: before.tip }, 'TIP_INVALID'],
      ['a tip with another index', { tip: { ...answer.tip, index: answer.tip.index - 1 } }, 'TIP_INVALID'],
      [
        'a statement as the tip',
        { tip: { ...answer.tip, stateEntry: log.leaves[0]!.leafData } },
        'CBOR_MALFORMED',
      ],
      ['another log’s checkpoint', { checkpoint: elsewhere.head().checkpoint }, 'NOTE_UNSIGNED'],
      ['another record', { facts: at(1, { value: answer.facts[2]!.value }) }, 'FACT_INVALID'],
      ['a record withheld', { facts: at(1, { value: null }) }, 'FACT_INVALID'],
      ['a record invented', { facts: at(3, { value: answer.facts[1]!.value }) }, 'FACT_INVALID'],
      ['an absence under another state', { facts: at(1, lie.facts[1]!) }, 'FACT_INVALID'],
      ['an answer to another question', { facts: at(1, answer.facts[2]!) }, 'FACT_INVALID'],
      ['a fact left out', { facts: answer.facts.slice(1) }, 'FACT_INVALID'],
      ['a fact added', { facts: [...answer.facts, answer.facts[1]!] }, 'FACT_INVALID'],
      ['another genesis', { trust: log.trust({ genesis: new Uint8Array(32) }) }, 'ORIGIN_MISMATCH'],
      ['other rules', { trust: log.trust({ rules: [new Uint8Array(32)] }) }, 'RULES_MISMATCH'],
      ['an old view', { now: now + 60_000 }, 'STALE'],
      ['a view from the future', { now: now - 60_000 }, 'TIP_INVALID'],
    ] as const) {
      it(`with ${why}: ${code}`, () => assert.equal(codeOf(verify(more as Partial<FactsEvidence>)), code));
    }

    it('measures freshness by the quorum, not by the log', () => {
      const witness = cosigner(crypto, 'witness.example', log.world.key('witness'));
      const policy = parsePolicy(`witness w ${formatVerifierKey(witness.verifierKey)}\nquorum w\n`);
      const trust = log.trust({ policy, freshnessSeconds: 60 });
      assert.equal(codeOf(verify({ trust })), 'QUORUM_NOT_MET');
      const seconds = Math.floor(now / 1000);
      for (const [seen, code] of [
        [seconds, 'verified'],
        [seconds - 61, 'STALE'],
        [seconds + 31, 'STALE'],
      ] as const) {
        const cosigned = log.fork();
        cosigned.cosigners = [{ cosigner: witness, at: () => seen }];
        assert.equal(codeOf(verify({ trust, checkpoint: cosigned.head().checkpoint })), code);
      }
    });

    const step = crypto.name === 'node' ? 3 : 17;
    const meaning = ({ tip, facts }: { tip: object; facts: object }) => ({ tip, facts });
    it('is never fooled by a damaged state entry', () =>
      assertNeverProves(
        answer.tip.stateEntry,
        step,
        (stateEntry) => verify({ tip: { ...answer.tip, stateEntry } }),
        meaning,
      ));
    it('is never fooled by a damaged proof, key or value', () => {
      for (const name of ['proof', 'key', 'value'] as const) {
        const bytes = answer.facts[1]![name] as Bytes;
        assertNeverProves(bytes, step, (bad) => verify({ facts: at(1, { [name]: bad }) }), meaning);
      }
      assertNeverProves(
        answer.facts[3]!.proof,
        step,
        (proof) => verify({ facts: at(3, { proof }) }),
        meaning,
      );
    });
    it('is never fooled by a damaged path', () => {
      const [first, ...rest] = answer.tip.path;
      assertNeverProves(
        first!,
        step,
        (bad) => verify({ tip: { ...answer.tip, path: [bad, ...rest] } }),
        meaning,
      );
    });
  });
}
