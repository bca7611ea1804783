import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  type Cosignature,
  cosigner,
  evaluateQuorum,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  freshness,
  noteSigner,
  openCosigned,
  parsePolicy,
} from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

const secret = (byte: number) => nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(byte));
const log = noteSigner(nodeCrypto, 'example.com/log', secret(100));
const W = Array.from({ length: 6 }, (_, i) => cosigner(nodeCrypto, `example.com/w${i}`, secret(i + 1)));
const witnessLines = W.map((w, i) => `witness w${i} ${formatVerifierKey(w.verifierKey)}\n`).join('');
const policy = (rest: string) =>
  parsePolicy(`log ${formatVerifierKey(log.verifierKey)}\n${witnessLines}${rest}\n`);
const by = (...times: (readonly [witness: number, timestamp: number])[]): Cosignature[] =>
  times.map(([i, timestamp]) => ({ key: W[i]!.verifierKey, timestamp }));
const all = (...witnesses: number[]) => by(...witnesses.map((i) => [i, 1] as const));

const TWO_LEVELS = policy('group X 2 w0 w1 w2\ngroup Y any w3 w4 w5\ngroup Z all X Y\nquorum Z');

describe('the quorum', () => {
  it('of one witness', () => {
    const one = policy('quorum w1');
    assert.equal(evaluateQuorum(one, all(1)), true);
    assert.equal(evaluateQuorum(one, all(0, 2, 3, 4, 5)), false);
    assert.equal(evaluateQuorum(one, []), false);
  });

  it('none is always met', () => assert.equal(evaluateQuorum(policy('quorum none'), []), true));

  it('of groups of groups', () => {
    assert.equal(evaluateQuorum(TWO_LEVELS, all(0, 2, 5)), true);
    assert.equal(evaluateQuorum(TWO_LEVELS, all(0, 1, 2, 3, 4, 5)), true);
    assert.equal(evaluateQuorum(TWO_LEVELS, all(0, 3, 4, 5)), false);
    assert.equal(evaluateQuorum(TWO_LEVELS, all(0, 1, 2)), false);
  });

  it('counts a witness once', () => {
    assert.equal(evaluateQuorum(policy('group g 2 w0 w1\nquorum g'), all(0, 0, 0)), false);
  });

  it('does not count a key under another name or of another type', () => {
    const renamed = cosigner(nodeCrypto, 'example.com/other', secret(2)).verifierKey;
    const plain = noteSigner(nodeCrypto, 'example.com/w1', secret(2)).verifierKey;
    for (const key of [renamed, plain]) {
      assert.equal(evaluateQuorum(policy('quorum w1'), [{ key, timestamp: 1 }]), false);
    }
  });

  it('agrees with counting, for any subset', () => {
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3, 4, 5]), (set) => {
        const x = set.filter((i) => i <= 2).length >= 2;
        const y = set.some((i) => i >= 3);
        assert.equal(evaluateQuorum(TWO_LEVELS, all(...set)), x && y);
      }),
    );
  });
});

describe('freshness', () => {
  const NOW = 1000;

  it('is the oldest timestamp that the quorum cannot do without', () => {
    // X: 2 of w0 w1 w2, and Y: any of w3 w4 w5.
    const cosignatures = by([0, 900], [1, 800], [2, 700], [3, 500], [4, 950], [5, 100]);
    assert.equal(freshness(TWO_LEVELS, cosignatures, NOW), 800);
  });

  it('ignores timestamps more than 30 s ahead, to the second', () => {
    const one = policy('quorum w0');
    assert.equal(freshness(one, by([0, NOW + 30]), NOW), NOW + 30);
    assert.equal(freshness(one, by([0, NOW + 31]), NOW), undefined);
    const two = policy('group g any w0 w1\nquorum g');
    assert.equal(freshness(two, by([0, NOW + 31], [1, 400]), NOW), 400);
    assert.equal(freshness(two, by([0, Number.MAX_SAFE_INTEGER], [1, 400]), NOW), 400);
  });

  it('takes the newest of a witness that cosigned twice', () => {
    assert.equal(freshness(policy('quorum w0'), by([0, 5], [0, 9], [0, 7]), NOW), 9);
  });

  it('is undefined when nobody vouches for a time', () => {
    assert.equal(freshness(TWO_LEVELS, by([0, 900], [1, 800]), NOW), undefined);
    assert.equal(freshness(policy('quorum none'), all(0), NOW), undefined);
  });

  it('is no better for strangers', () => {
    const key = cosigner(nodeCrypto, 'stranger', secret(50)).verifierKey;
    const cosignatures = [{ key, timestamp: 999 }, ...by([0, 900], [1, 800], [3, 700])];
    assert.equal(freshness(TWO_LEVELS, cosignatures, NOW), 700);
  });

  it('is what the definition says, found by trying every T', () => {
    const cosignature = fc.tuple(fc.nat(5), fc.integer({ min: 0, max: 60 }));
    fc.assert(
      fc.property(fc.array(cosignature, { maxLength: 10 }), (list) => {
        const cosignatures = by(...list);
        const now = 20;
        let greatest: number | undefined;
        for (let t = 0; t <= 60; t++) {
          const since = cosignatures.filter(({ timestamp }) => timestamp >= t && timestamp <= now + 30);
          if (evaluateQuorum(TWO_LEVELS, since)) greatest = t;
        }
        assert.equal(freshness(TWO_LEVELS, cosignatures, now), greatest);
        // Order does not matter, and nothing is changed.
        assert.equal(freshness(TWO_LEVELS, cosignatures.toReversed(), now), greatest);
        assert.deepEqual(cosignatures, by(...list));
      }),
      { numRuns: 300 },
    );
  });
});

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`opening a cosigned checkpoint (${crypto.name})`, () => {
    const head = { origin: 'example.com/log', size: 9, root: new Uint8Array(32).fill(4), extensions: [] };
    const text = formatCheckpoint(head);
    const cosigned = formatNote({
      text,
      signatures: [log.sign(text), W[0]!.cosign(text, 10), W[3]!.cosign(text, 20), W[1]!.cosign(text, 30)],
    });

    it('gives head, log and cosignatures, ready for the quorum', () => {
      const opened = openCosigned(crypto, cosigned, TWO_LEVELS);
      assert.deepEqual(opened.checkpoint, head);
      assert.deepEqual(opened.log, log.verifierKey);
      assert.deepEqual(opened.cosignatures, by([0, 10], [3, 20], [1, 30]));
      assert.equal(evaluateQuorum(TWO_LEVELS, opened.cosignatures), true);
      assert.equal(freshness(TWO_LEVELS, opened.cosignatures, 100), 10);
    });

    it('ignores cosigners that the policy does not name', () => {
      const small = parsePolicy(
        `log ${formatVerifierKey(log.verifierKey)}\nwitness w ${formatVerifierKey(W[1]!.verifierKey)}\nquorum w\n`,
      );
      assert.deepEqual(openCosigned(crypto, cosigned, small).cosignatures, by([1, 30]));
    });

    it('needs the log’s signature, however many witnesses there are', () => {
      const unsigned = formatNote({ text, signatures: [W[0]!.cosign(text, 10), W[1]!.cosign(text, 10)] });
      assert.throws(() => openCosigned(crypto, unsigned, TWO_LEVELS), { code: 'NOTE_UNSIGNED' });
    });

    it('is refused when a witness of the policy signed badly', () => {
      const bad = formatNote({
        text,
        signatures: [
          log.sign(text),
          { ...W[0]!.cosign(text, 10), signature: W[1]!.cosign(text, 10).signature },
        ],
      });
      assert.throws(() => openCosigned(crypto, bad, TWO_LEVELS), { code: 'SIGNATURE_INVALID' });
    });

    it('takes logs from elsewhere when the policy names none', () => {
      const nameless = parsePolicy(`${witnessLines}quorum w0\n`);
      assert.throws(() => openCosigned(crypto, cosigned, nameless), { code: 'NOTE_UNSIGNED' });
      const opened = openCosigned(crypto, cosigned, nameless, [log.verifierKey]);
      assert.deepEqual(opened.log, log.verifierKey);
      assert.equal(opened.cosignatures.length, 3);
    });

    it('belongs to the log that it names, when several have signed', () => {
      const other = noteSigner(nodeCrypto, 'example.com/a-log', secret(101));
      const logs = [other.verifierKey, log.verifierKey];
      const both = formatNote({ text, signatures: [other.sign(text), log.sign(text)] });
      assert.deepEqual(openCosigned(crypto, both, TWO_LEVELS, logs).log, log.verifierKey);
      const wrong = formatNote({ text, signatures: [other.sign(text)] });
      assert.throws(() => openCosigned(crypto, wrong, TWO_LEVELS, logs), { code: 'ORIGIN_MISMATCH' });
    });

    it('a log that signs with a timestamp is no witness of itself', () => {
      const timed = cosigner(nodeCrypto, 'example.com/log', secret(102));
      const note = formatNote({ text, signatures: [timed.cosign(text, 10)] });
      const opened = openCosigned(crypto, note, TWO_LEVELS, [timed.verifierKey]);
      assert.deepEqual([opened.log, opened.cosignatures], [timed.verifierKey, []]);
    });
  });
}
