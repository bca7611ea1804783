import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bytes, equal, fromUtf8, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { attachReceipts } from '../../src/cose/index.ts';
import { hashesOf } from '../../src/merkle/index.ts';
import { cosigner, formatTlogProof, formatVerifierKey, parsePolicy } from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import type { Effect } from '../../src/service/ledger.ts';
import {
  decodeEffectProof,
  type EffectProof,
  encodeEffectProof,
  type RegistrationEvidence,
  verifyRegistration,
} from '../../src/verify/index.ts';
import { assertNeverProves, codeOf, ladderOf } from './sample.ts';
import { SmallLog } from './small-log.ts';

const effectProof = ({ stateIndex, stateEntry, statePath, verdict, verdictPath }: Effect): EffectProof => ({
  ...{ stateIndex, stateEntry, verdict },
  path: statePath,
  verdictPath,
});

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`verification of a registration (${crypto.name})`, async () => {
    const { log, member } = SmallLog.begin(crypto);
    const statement = log.statement(member, 'the statement');
    const another = log.statement(member, 'another');
    const index = log.commit(log.statement(member, 'before'), statement, another) + 1;
    const smaller = log.size;
    const early = log.receiptFor(index);
    for (let i = 0; i < 5; i++) log.commit(log.statement(member, `after ${i}`));
    const receipt = log.receiptFor(index);
    const { checkpoint } = log.head();
    const effect = effectProof(await log.effect(index));
    const { path } = await log.inclusion({ index });
    const tlogProof = formatTlogProof({ index, path: hashesOf(path), checkpoint });
    const trust = log.trust();
    const issuerKey = member.keys[0].publicKey;
    const evidence: RegistrationEvidence = { crypto, trust, statement, receipt };
    const verify = (more: Partial<RegistrationEvidence>) => verifyRegistration({ ...evidence, ...more });
    const fork = log.fork();
    log.commit(log.statement(member, 'here'));
    fork.commit(fork.statement(member, 'there'));

    it('passes with a receipt alone, and says what was not checked', () => {
      const result = verify({});
      assert.ok(result.verified);
      assert.deepEqual(ladderOf(result), [
        'statement: ok',
        'entry id: ok',
        'issuer signature: skipped',
        'receipt: ok',
        'inclusion: ok',
        'checkpoint: skipped',
        'quorum: skipped',
        'effect: skipped',
      ]);
      const details = result.steps.map(({ detail }) => detail);
      assert.match(details[6]!, /operator’s promise, not witnessed/);
      assert.equal(details[7], 'logged, effect unknown');
      assert.equal(result.value.index, index);
      assert.equal(result.value.witnessed, false);
      assert.ok(equal(result.value.entryId, crypto.sha256(statement)));
    });

    it('passes with everything', () => {
      const result = verify({ issuerKey, checkpoint, effect });
      assert.ok(result.verified, codeOf(result));
      assert.deepEqual(ladderOf(result), [
        'statement: ok',
        'entry id: ok',
        'issuer signature: ok',
        'receipt: ok',
        'inclusion: ok',
        'checkpoint: ok',
        'consistency: ok',
        'quorum: skipped',
        'effect: ok',
      ]);
      assert.equal(result.value.effect?.outcome, 'ok');
    });

    it('takes the receipt out of a transparent statement, junk and other receipts beside it', () => {
      const { log: elsewhere, member: stranger } = SmallLog.begin(crypto, 'other.example/log');
      const foreign = elsewhere.receiptFor(elsewhere.commit(elsewhere.statement(stranger, 'x')));
      const transparent = attachReceipts(statement, [utf8('junk'), foreign, receipt]);
      const { receipt: _, ...rest } = evidence;
      const result = verifyRegistration({ ...rest, statement: transparent });
      assert.ok(result.verified, codeOf(result));
      assert.equal(result.value.index, index);
      for (const receipts of [[], [utf8('junk')], [foreign], [log.receiptFor(index + 1)]]) {
        const bad = verifyRegistration({ ...rest, statement: attachReceipts(statement, receipts) });
        assert.equal(bad.verified, false);
      }
    });

    it('passes with a tlog-proof', () => {
      const { receipt: _, ...rest } = evidence;
      const result = verifyRegistration({ ...rest, tlogProof, effect });
      assert.ok(result.verified, codeOf(result));
      assert.deepEqual(ladderOf(result).slice(3), [
        'receipt: ok',
        'inclusion: ok',
        'checkpoint: ok',
        'quorum: skipped',
        'effect: ok',
      ]);
      assert.throws(
        () => verify({ tlogProof }),
        (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
      );
    });

    it('verifies a registration under the key that it lists', () => {
      const self = log.leaves[2]!.statement!;
      const result = verify({ statement: self, receipt: log.receiptFor(2) });
      assert.equal(result.steps[2]?.outcome, 'ok');
      assert.match(result.steps[2]?.detail ?? '', /key in the statement itself/);
    });

    it('connects a receipt and a checkpoint of other sizes by a consistency path only', async () => {
      const consistency = (await log.consistency(smaller, log.size - 2)).path;
      assert.equal(codeOf(verify({ receipt: early, checkpoint, consistency })), 'verified');
      assert.equal(codeOf(verify({ receipt: early, checkpoint })), 'CONSISTENCY_INVALID');
      const cut = consistency.slice(1);
      assert.equal(codeOf(verify({ receipt: early, checkpoint, consistency: cut })), 'PROOF_MALFORMED');
    });

    it('does not take a checkpoint from before the entry', async () => {
      const before = log.headAt(6).checkpoint;
      const consistency = (await log.consistency(6, log.size - 2)).path;
      assert.equal(codeOf(verify({ checkpoint: before, consistency })), 'STALE');
    });

    it('demands the quorum of its policy', () => {
      const witness = cosigner(crypto, 'witness.example', log.world.key('witness'));
      const policy = parsePolicy(`witness w ${formatVerifierKey(witness.verifierKey)}\nquorum w\n`);
      const witnessed = log.trust({ policy });
      assert.equal(codeOf(verify({ trust: witnessed })), 'QUORUM_NOT_MET', 'no checkpoint');
      assert.equal(codeOf(verify({ trust: witnessed, checkpoint })), 'QUORUM_NOT_MET', 'no cosignature');
      const cosigned = log.fork();
      cosigned.cosigners = [{ cosigner: witness, at: () => 1_800_000_000 }];
      const note = cosigned.headAt(log.size - 2).checkpoint;
      const result = verify({ trust: witnessed, checkpoint: note });
      assert.ok(result.verified, codeOf(result));
      assert.equal(result.value.witnessed, true);
      const spoilt = note.replace(
        /(witness\.example .{30})(.)/,
        (_all, head, c) => head + (c === 'A' ? 'B' : 'A'),
      );
      assert.equal(codeOf(verify({ trust: witnessed, checkpoint: spoilt })), 'SIGNATURE_INVALID');
    });

    const { log: elsewhere } = SmallLog.begin(crypto, 'other.example/log');
    const stranger = log.world.key('stranger').publicKey;
    for (const [why, more, code] of [
      ['the receipt of another statement', { receipt: log.receiptFor(index + 1) }, 'RECEIPT_INVALID'],
      ['another statement', { statement: another }, 'RECEIPT_INVALID'],
      ['the receipt of another log', { receipt: elsewhere.receiptFor(2) }, 'ORIGIN_MISMATCH'],
      ['another log’s trust', { trust: elsewhere.trust() }, 'ORIGIN_MISMATCH'],
      ['another issuer', { issuerKey: stranger }, 'SIGNATURE_INVALID'],
      ['no receipt in the statement', { receipt: undefined }, 'RECEIPT_INVALID'],
      ['another service', { trust: log.trust({ service: 'https://other' }) }, 'RECEIPT_INVALID'],
      [
        'another receipt key',
        { trust: log.trust({ receiptKey: log.world.key('r2', 'ES256').publicKey }) },
        'RECEIPT_INVALID',
      ],
      ['a receipt that is none', { receipt: utf8('x') }, 'CBOR_MALFORMED'],
      ['a statement that is none', { statement: utf8('x') }, 'CBOR_MALFORMED'],
      ['a checkpoint of another log', { checkpoint: elsewhere.head().checkpoint }, 'NOTE_UNSIGNED'],
      ['the effect of another entry', { effect: 'other' as const }, 'INCLUSION_INVALID'],
      ['a statement for another log', { statement: elsewhere.leaves[2]!.statement! }, 'ORIGIN_MISMATCH'],
    ] as const) {
      it(`refuses ${why}: ${code}`, async () => {
        const { receipt: _, ...rest } = evidence;
        const base = 'receipt' in more && more.receipt === undefined ? rest : evidence;
        const given = { ...base, ...more } as RegistrationEvidence & { effect?: EffectProof | 'other' };
        if ((given.effect as unknown) === 'other') {
          given.effect = effectProof(await fork.effect(index + 1));
        }
        if (given.receipt === undefined) delete (given as { receipt?: Bytes }).receipt;
        assert.equal(codeOf(verifyRegistration(given)), code);
      });
    }

    it('convicts a log of a fork: two signed trees of one size', () => {
      const here = log.receiptFor(index);
      const there = fork.head().checkpoint;
      assert.equal(log.size, fork.size);
      assert.equal(codeOf(verify({ receipt: here, checkpoint: there })), 'FORK');
    });

    it('does not pass a statement that the log refused', async () => {
      const odd = log.fork();
      const bad = odd.statement(odd.world.member('nobody'), 'refused');
      const at = odd.commit(bad);
      const proof = effectProof(await odd.effect(at));
      const result = verify({ statement: bad, receipt: odd.receiptFor(at), effect: proof });
      assert.equal(codeOf(result), 'KID_UNKNOWN');
      assert.match(result.steps.at(-1)!.detail, /is in the log and was refused/);
    });

    // Every byte of every artefact. noble takes milliseconds for a signature, so it gets fewer of the manglings.
    const step = crypto.name === 'node' ? 5 : 61;
    const place = ({ entryId, index: at }: { entryId: Bytes; index: number }) => ({ entryId, at });
    it('is never fooled by a damaged statement', () =>
      assertNeverProves(statement, step, (bad) => verify({ statement: bad, issuerKey }), place));
    it('is never fooled by a damaged receipt', () =>
      assertNeverProves(receipt, step, (bad) => verify({ receipt: bad }), place));
    it('is never fooled by a damaged checkpoint', () =>
      assertNeverProves(utf8(checkpoint), step, (bad) => verify({ checkpoint: lossy(bad) }), place));
    it('is never fooled by a damaged tlog-proof', () => {
      const { receipt: _, ...rest } = evidence;
      assertNeverProves(
        utf8(tlogProof),
        step,
        (bad) => verifyRegistration({ ...rest, tlogProof: bad }),
        place,
      );
    });
    it('is never fooled by a damaged effect proof', () => {
      const whole = encodeEffectProof(effect);
      assert.deepEqual(decodeEffectProof(whole), effect);
      assertNeverProves(
        whole,
        step,
        (bad) => {
          try {
            return verify({ effect: decodeEffectProof(bad) });
          } catch (error) {
            if (!isLedgerError(error)) throw error;
            const failed = { step: 'effect', outcome: 'failed', detail: '', code: error.code } as const;
            return { verified: false, error, steps: [failed] };
          }
        },
        ({ effect: proven }) => proven,
      );
    });
  });
}

/** Bytes as the text that a careless reader would make of them. */
function lossy(bytes: Bytes): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
