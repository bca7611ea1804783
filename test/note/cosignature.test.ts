import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { concat, fromBase64, fromHex, toHex, u64be, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  type Cosigner,
  cosigner,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  noteSigner,
  openNote,
  parseSignatureLine,
  parseVerifierKey,
  SIGNATURE_TYPE,
  subtreeMessage,
  verifierKey,
  verifyCosignature,
  verifySubtree,
} from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { vectors } from '../vectors.ts';

const INVALID = { code: 'SIGNATURE_INVALID' };
const text = formatCheckpoint({ origin: 'example.com/log', size: 7, root: new Uint8Array(32).fill(3) });
const other = formatCheckpoint({ origin: 'example.com/log', size: 8, root: new Uint8Array(32).fill(3) });
const TIME = 1_679_315_147;

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`Ed25519 cosignatures (${crypto.name})`, () => {
    const privateKey = crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(11));
    const witness = cosigner(crypto, 'example.com/w', privateKey);
    const key = witness.verifierKey;

    it('sign the header, the time and the whole text', () => {
      const { name, id, signature } = witness.cosign(text, TIME);
      assert.deepEqual([name, id], ['example.com/w', key.id]);
      assert.equal(signature.length, 72);
      assert.deepEqual(signature.subarray(0, 8), u64be(TIME));
      const message = utf8(`cosignature/v1\ntime ${TIME}\n${text}`);
      assert.equal(privateKey.publicKey.verify(message, signature.subarray(8)), true);
      assert.equal(verifyCosignature(crypto, key, text, signature), TIME);
    });

    it('cover extension lines', () => {
      const { signature } = witness.cosign(text, TIME);
      assert.throws(() => verifyCosignature(crypto, key, `${text}extension\n`, signature), INVALID);
      assert.throws(() => verifyCosignature(crypto, key, other, signature), INVALID);
    });

    it('bind the timestamp', () => {
      const { signature } = witness.cosign(text, TIME);
      const later = concat(u64be(TIME + 1), signature.subarray(8));
      assert.throws(() => verifyCosignature(crypto, key, text, later), INVALID);
      for (const time of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        assert.equal(verifyCosignature(crypto, key, text, witness.cosign(text, time).signature), time);
      }
    });

    it('refuse a timestamp above 2^53 − 1, though the signature fits', () => {
      for (const time of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
        const raw = privateKey.sign(utf8(`cosignature/v1\ntime ${time}\n${text}`));
        assert.throws(() => verifyCosignature(crypto, key, text, concat(u64be(time), raw)), INVALID);
      }
    });

    it('are made over checkpoints and whole seconds only', () => {
      assert.throws(() => witness.cosign('hello\n', TIME), { code: 'CHECKPOINT_MALFORMED' });
      for (const time of [-1, 1.5, Number.NaN, 2 ** 53]) {
        assert.throws(() => witness.cosign(text, time), { code: 'ARGUMENT_INVALID' });
      }
    });

    it('are not plain signatures, nor the other way round', () => {
      const plain = noteSigner(crypto, 'example.com/w', privateKey);
      assert.notDeepEqual(plain.verifierKey.id, key.id);
      const { signature } = plain.sign(text);
      assert.throws(() => verifyCosignature(crypto, key, text, signature), INVALID);
      assert.throws(() => verifyCosignature(crypto, plain.verifierKey, text, signature), INVALID);
      const asPlain = { ...witness.cosign(text, TIME), id: plain.verifierKey.id };
      const note = formatNote({ text, signatures: [asPlain] });
      assert.throws(() => openNote(crypto, note, [plain.verifierKey]), INVALID);
    });

    it('come out of a note with the newest timestamp of each cosigner', () => {
      const note = formatNote({
        text,
        signatures: [witness.cosign(text, 50), witness.cosign(text, 70), witness.cosign(text, 0)],
      });
      const opened = openNote(crypto, note, [key]);
      assert.deepEqual(opened.cosignatures, [{ key, timestamp: 70 }]);
      assert.deepEqual(opened.verified, [key]);
    });

    it('spoil the note when one of several by one cosigner fails', () => {
      const note = formatNote({ text, signatures: [witness.cosign(text, 50), witness.cosign(other, 70)] });
      assert.throws(() => openNote(crypto, note, [key]), INVALID);
    });
  });
}

it('every byte of an Ed25519 cosignature mangled is SIGNATURE_INVALID', () => {
  const privateKey = nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(11));
  const witness: Cosigner = cosigner(nodeCrypto, 'w', privateKey);
  for (const bytes of mangled(witness.cosign(text, TIME).signature)) {
    const result = outcome(() => verifyCosignature(nodeCrypto, witness.verifierKey, text, bytes));
    assert.deepEqual(result, { code: 'SIGNATURE_INVALID' });
  }
});

describe('ML-DSA-44 cosignatures', () => {
  const { publicKey, secretKey } = ml_dsa44.keygen(new Uint8Array(32).fill(1));
  const key = verifierKey(nodeCrypto, 'example.com/w', SIGNATURE_TYPE.ML_DSA_44_COSIGNATURE, publicKey);
  const head = { origin: 'example.com/log', start: 0, end: 7, root: new Uint8Array(32).fill(3) };
  const signed = (timestamp: number) =>
    concat(
      u64be(timestamp),
      ml_dsa44.sign(subtreeMessage('example.com/w', { ...head, timestamp }), secretKey, {
        extraEntropy: false,
      }),
    );
  const signature = signed(TIME);

  it('verify over origin, size and root, and not over extension lines', () => {
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      assert.equal(verifyCosignature(crypto, key, text, signature), TIME);
      assert.equal(verifyCosignature(crypto, key, `${text}extension\n`, signature), TIME);
      assert.throws(() => verifyCosignature(crypto, key, other, signature), INVALID);
    }
    assert.deepEqual(parseVerifierKey(formatVerifierKey(key)), key);
  });

  it('come out of a note; a time of 0 says nothing about time', () => {
    const line = { name: key.name, id: key.id };
    const note = formatNote({ text, signatures: [{ ...line, signature }] });
    assert.deepEqual(openNote(nodeCrypto, note, [key]).cosignatures, [{ key, timestamp: TIME }]);
    const timeless = formatNote({ text, signatures: [{ ...line, signature: signed(0) }] });
    assert.deepEqual(openNote(nodeCrypto, timeless, [key]).cosignatures, [{ key, timestamp: 0 }]);
  });

  it('bind the cosigner’s name', () => {
    const renamed = verifierKey(nodeCrypto, 'example.com/x', 6, publicKey);
    assert.throws(() => verifyCosignature(nodeCrypto, renamed, text, signature), INVALID);
  });

  it('are refused over what is no checkpoint, and with another length', () => {
    assert.throws(() => verifyCosignature(nodeCrypto, key, 'hello\n', signature), INVALID);
    for (const wrong of [
      new Uint8Array(),
      signature.slice(0, 8),
      signature.slice(0, -1),
      concat(signature, Uint8Array.of(0)),
      new Uint8Array(2428),
    ]) {
      assert.throws(() => verifyCosignature(nodeCrypto, key, text, wrong), INVALID);
    }
  });

  it('are refused with bytes changed', () => {
    // Every byte would take long: the timestamp, and a stride through the rest.
    for (let i = 0; i < signature.length; i += i < 8 ? 1 : 97) {
      const changed = Uint8Array.from(signature);
      changed[i]! ^= 1;
      assert.throws(() => verifyCosignature(nodeCrypto, key, text, changed), INVALID, `byte ${i}`);
    }
  });

  it('have names of 1 to 255 bytes, and no timestamp on a subtree', () => {
    assert.throws(() => subtreeMessage('', { ...head, timestamp: 0 }), INVALID);
    assert.throws(() => subtreeMessage('n'.repeat(256), { ...head, timestamp: 0 }), INVALID);
    assert.throws(() => subtreeMessage('n', { ...head, origin: 'é'.repeat(128), timestamp: 0 }), INVALID);
    assert.throws(() => subtreeMessage('n', { ...head, start: 1, timestamp: 1 }), INVALID);
    assert.throws(() => subtreeMessage('n', { ...head, start: 8, timestamp: 0 }), INVALID);
    assert.throws(() => subtreeMessage('n', { ...head, root: new Uint8Array(31), timestamp: 0 }), INVALID);
    assert.equal(
      subtreeMessage('n'.repeat(255), { ...head, timestamp: 0 }).length,
      12 + 256 + 8 + 16 + 16 + 32,
    );
  });
});

const path = vectors('c2sp/mldsa44-cosignature.selfmade.json');
describe('ML-DSA-44 vectors', { skip: !path }, () => {
  const data = path ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  interface Vector {
    cosigner_name: string;
    log_origin: string;
    timestamp: number;
    start: number;
    end: number;
    root_b64: string;
    vkey: string;
    key_id: string;
    signed_message_hex: string;
    signature_line: string;
  }
  const read = (vector: Vector) => ({
    key: parseVerifierKey(vector.vkey),
    line: parseSignatureLine(vector.signature_line.slice(0, -1)),
    subtree: {
      timestamp: vector.timestamp,
      origin: vector.log_origin,
      start: vector.start,
      end: vector.end,
      root: fromBase64(vector.root_b64),
    },
  });

  it('the checkpoint verifies, in a note too', () => {
    const vector: Vector = data.checkpoint;
    const { key, line, subtree } = read(vector);
    assert.equal(toHex(key.id), vector.key_id);
    assert.deepEqual(subtreeMessage(vector.cosigner_name, subtree), fromHex(vector.signed_message_hex));
    verifySubtree(key, subtree, line.signature.subarray(8));
    const checkpoint = formatCheckpoint({ origin: subtree.origin, size: subtree.end, root: subtree.root });
    const note = formatNote({ text: checkpoint, signatures: [line] });
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      assert.deepEqual(openNote(crypto, note, [key]).cosignatures, [{ key, timestamp: vector.timestamp }]);
    }
  });

  it('the subtree verifies as a subtree, and not as a checkpoint', () => {
    const vector: Vector = data.subtree;
    const { key, line, subtree } = read(vector);
    assert.deepEqual(subtreeMessage(vector.cosigner_name, subtree), fromHex(vector.signed_message_hex));
    verifySubtree(key, subtree, line.signature.subarray(8));
    assert.throws(() => verifySubtree(key, { ...subtree, start: 0 }, line.signature.subarray(8)), INVALID);
    const checkpoint = formatCheckpoint({ origin: subtree.origin, size: subtree.end, root: subtree.root });
    assert.throws(() => verifyCosignature(nodeCrypto, key, checkpoint, line.signature), INVALID);
  });

  it('what must be rejected is', () => {
    assert.ok(data.must_reject.length > 0);
    for (const vector of data.must_reject as Vector[]) {
      const { key, line, subtree } = read(vector);
      assert.throws(() => verifySubtree(key, subtree, line.signature.subarray(8)), INVALID);
    }
  });

  it('an Ed25519 cosigner signs no subtrees', () => {
    const { line, subtree } = read(data.checkpoint);
    const { verifierKey: ed25519 } = cosigner(nodeCrypto, 'w', nodeCrypto.generatePrivateKey('Ed25519'));
    assert.throws(() => verifySubtree(ed25519, subtree, line.signature.subarray(8)), INVALID);
  });
});
