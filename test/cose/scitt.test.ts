/** Receipts of other software: the scitt-cose vectors and the samples that RFC 9942 was written with. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fromBase64url, toHex } from '../../src/core/bytes.ts';
import type { Crypto, PublicKey } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  attachReceipts,
  canonicalSign1,
  decodeReceipt,
  decodeSign1,
  decodeTransparentStatement,
  readCwtClaims,
  verifyInclusionReceipt,
  verifySign1,
  verifyTransparentStatement,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { vectors } from '../vectors.ts';
import { refusal } from './mangle.ts';

const folder = vectors('scitt/scitt-cose-v1');
const samples = vectors('scitt/rfc9942');
const read = (path: string) => Uint8Array.from(readFileSync(path));

function publicKey(crypto: Crypto, pem: string): PublicKey {
  const { kty, x, y } = createPublicKey(readFileSync(pem)).export({ format: 'jwk' });
  return kty === 'OKP'
    ? crypto.importPublicKey('Ed25519', fromBase64url(x!))
    : crypto.importPublicKey('ES256', Uint8Array.of(4, ...fromBase64url(x!), ...fromBase64url(y!)));
}

const cases = folder
  ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  : [];

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`scitt-cose v1, ${crypto.name}`, { skip: !folder }, () => {
    for (const { name } of cases) {
      test(name, () => {
        const file = (part: string) => `${folder}/${name}/${part}`;
        const expected = JSON.parse(readFileSync(file('expected.json'), 'utf8'));
        const bytes = read(file('statement.cose'));
        const statement = decodeSign1(bytes);
        const receipt = decodeReceipt(read(file('receipt.cose')));
        const logKey = publicKey(crypto, file('log-key.pub'));

        // The statement: the vectors' signers do not keep to low-s.
        const issuerKey = publicKey(crypto, file('issuer-key.pub'));
        const signed = refusal(() => verifySign1(issuerKey, statement, { lowS: false }));
        assert.equal(signed === 'accepted', expected.statement_signature_valid);
        assert.deepEqual(statement.payload, read(file('payload.bin')));
        assert.deepEqual(readCwtClaims(statement.protected), {
          issuer: expected.protected_header.statement.issuer,
          subject: expected.protected_header.statement.subject,
          issuedAt: undefined,
        });

        // The leaf data is the SHA-256 of the statement: the same as this log's entry id.
        const entry = crypto.sha256(canonicalSign1(statement));
        assert.equal(toHex(entry), expected.leaf_entry);
        assert.deepEqual(receipt.inclusion, [
          {
            size: expected.tree_size,
            index: expected.leaf_index,
            path: expected.inclusion_path.map((hash: string) => Uint8Array.from(Buffer.from(hash, 'hex'))),
          },
        ]);
        const verdict = refusal(() => {
          const { root } = verifyInclusionReceipt(crypto, logKey, receipt, entry);
          assert.equal(toHex(root), expected.reconstructed_root);
        });
        assert.equal(verdict, expected.receipt_valid ? 'accepted' : 'RECEIPT_INVALID');

        const transparent = decodeTransparentStatement(attachReceipts(bytes, [read(file('receipt.cose'))]));
        assert.equal(
          refusal(() => verifyTransparentStatement(crypto, transparent, () => logKey)),
          verdict,
        );
        // It is not taken for a receipt of an AI Chain log.
        assert.equal(
          refusal(() => verifyInclusionReceipt(crypto, logKey, receipt, entry, { origin: 'o' })),
          'RECEIPT_INVALID',
        );
      });
    }
  });
}

test('both scitt-cose vectors are there', { skip: !folder }, () => {
  assert.deepEqual(cases.map(({ name }) => name).sort(), ['fail-tampered-path', 'valid-es256']);
});

describe('RFC 9942 samples decode (their key is not published)', { skip: !samples }, () => {
  test('inclusion', () => {
    const receipt = decodeReceipt(read(`${samples}/inclusion-receipt.cbor`));
    const [proof] = receipt.inclusion;
    assert.deepEqual([proof?.size, proof?.index, proof?.path.length], [5, 3, 3]);
    assert.equal(toHex(receipt.kid!), toHex(Uint8Array.from(Buffer.from('test-key-1'))));
    assert.equal(receipt.claims.issuer, 'https://transparency-service.example.com');
    assert.deepEqual([receipt.consistency, receipt.size, receipt.sign1.payload], [[], undefined, null]);
  });

  test('consistency', () => {
    const receipt = decodeReceipt(read(`${samples}/consistency-receipt.cbor`));
    const [proof] = receipt.consistency;
    assert.deepEqual([proof?.size1, proof?.size2, proof?.path.length], [3, 5, 4]);
    assert.deepEqual(receipt.inclusion, []);
  });
});
