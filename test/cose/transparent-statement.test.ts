import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode, Tagged } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  attachReceipts,
  decodeSign1,
  decodeTransparentStatement,
  encodeInclusionReceipt,
  encodeSign1,
  KID,
  MAX_RECEIPTS,
  RECEIPTS,
  type Receipt,
  receiptProtected,
  signSign1,
  signTreeHead,
  thumbprint,
  verifySign1,
  verifyTransparentStatement,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { assertMangleProof, refusal } from './mangle.ts';
import { inclusionPath, root } from './tree.ts';

const issuer = nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(1));
const logKey = nodeCrypto.importPrivateKey('ES256', new Uint8Array(32).fill(2));
const kid = thumbprint(nodeCrypto, logKey.publicKey);
const statementOf = (text: string) =>
  signSign1(issuer, {
    protected: new Map([[KID, thumbprint(nodeCrypto, issuer.publicKey)]]),
    payload: utf8(text),
  });
const statement = statementOf('a');
const entries = [statement, statementOf('b'), statementOf('c')].map(nodeCrypto.sha256);
const protectedBytes = receiptProtected({ kid, service: 's', origin: 'o', time: 0, size: 3 });
const signature = signTreeHead(logKey, protectedBytes, root(entries));
const receiptOf = (index: number) =>
  encodeInclusionReceipt({ protectedBytes, signature, size: 3, index, path: inclusionPath(index, entries) });
const keyOf = ({ kid }: Receipt) => (kid ? logKey.publicKey : undefined);
const withHeader = (list: Cbor) =>
  encodeSign1({ ...decodeSign1(statement), unprotected: new Map([[RECEIPTS, list]]) });
const verify = (bytes: Uint8Array) =>
  verifyTransparentStatement(nodeCrypto, decodeTransparentStatement(bytes), keyOf, { origin: 'o' });

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`transparent statements, ${crypto.name}`, () => {
    test('attach, take apart, verify', () => {
      const bytes = attachReceipts(statement, [receiptOf(0)]);
      const transparent = decodeTransparentStatement(bytes);
      assert.deepEqual(transparent.statement, statement);
      assert.deepEqual(transparent.receipts, [receiptOf(0)]);
      const key = crypto.importPublicKey('ES256', logKey.publicKey.bytes);
      const { entry, verified, rejected } = verifyTransparentStatement(crypto, transparent, () => key, {
        origin: 'o',
      });
      assert.deepEqual(entry, entries[0]);
      assert.deepEqual([verified[0]?.index, verified[0]?.size, rejected.length], [0, 3, 0]);
    });
  });
}

test('a good receipt for another statement does not count', () => {
  assert.equal(
    refusal(() => verify(attachReceipts(statement, [receiptOf(1)]))),
    'RECEIPT_INVALID',
  );
  assert.equal(
    refusal(() => verify(statement)),
    'RECEIPT_INVALID',
  );
});

test('junk beside one good receipt is tolerated, and reported', () => {
  const { verified, rejected } = verify(withHeader([utf8('junk'), 1, null, receiptOf(1), receiptOf(0)]));
  assert.equal(verified.length, 1);
  assert.deepEqual(
    rejected.map(({ code }) => code),
    ['CBOR_MALFORMED', 'RECEIPT_INVALID'],
  );
  for (const junk of [1, 'text', new Map(), utf8('x'), []]) {
    assert.deepEqual(decodeTransparentStatement(withHeader(junk)).receipts, []);
  }
});

test('a log without a trusted key does not count', () => {
  const transparent = decodeTransparentStatement(attachReceipts(statement, [receiptOf(0)]));
  assert.equal(
    refusal(() => verifyTransparentStatement(nodeCrypto, transparent, () => undefined)),
    'RECEIPT_INVALID',
  );
});

test('the count is capped', () => {
  const many = withHeader([...new Array(MAX_RECEIPTS).fill(receiptOf(1)), receiptOf(0)]);
  assert.equal(decodeTransparentStatement(many).receipts.length, MAX_RECEIPTS);
  assert.equal(
    refusal(() => verify(many)),
    'RECEIPT_INVALID',
  );
  assert.equal(
    refusal(() => attachReceipts(many, [receiptOf(0)])),
    'ARGUMENT_INVALID',
  );
});

test('receipts are added, and other unprotected headers go', () => {
  const unprotected = new Map<number, Cbor>([
    [33, utf8('certificate')],
    [RECEIPTS, [receiptOf(0)]],
  ]);
  const bytes = attachReceipts(encodeSign1({ ...decodeSign1(statement), unprotected }), [receiptOf(1)]);
  assert.deepEqual([...decodeSign1(bytes).unprotected], [[RECEIPTS, [receiptOf(0), receiptOf(1)]]]);
  assert.deepEqual(attachReceipts(statement, []), statement);
});

test('an untagged statement is none', () => {
  const { value } = new Tagged(18, [new Uint8Array(0), new Map(), null, new Uint8Array(0)]);
  assert.equal(
    refusal(() => decodeTransparentStatement(encode(value))),
    'COSE_TAG_WRONG',
  );
});

test('any header is tolerated', () => {
  const junk = fc.oneof(fc.integer(), fc.string(), fc.uint8Array(), fc.boolean(), fc.constant(null));
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 8 }), fc.nat(8), (list, at) => {
      const { verified } = verify(withHeader([...list.slice(0, at), receiptOf(0), ...list.slice(at)]));
      assert.equal(verified.length, 1);
    }),
  );
});

test('mangled: refused, or the same statement with its receipt', () => {
  assertMangleProof(
    attachReceipts(statement, [receiptOf(0)]),
    (bytes) => {
      const transparent = decodeTransparentStatement(bytes);
      verifySign1(issuer.publicKey, transparent.sign1);
      const { entry, verified } = verifyTransparentStatement(nodeCrypto, transparent, keyOf, { origin: 'o' });
      return [transparent.statement, entry, verified.map(({ root, size, index }) => ({ root, size, index }))];
    },
    [
      'CBOR_MALFORMED',
      'COSE_MALFORMED',
      'COSE_TAG_WRONG',
      'HEADER_MISSING',
      'ALG_NOT_ALLOWED',
      'CRIT_UNKNOWN',
      'SIGNATURE_INVALID',
      'RECEIPT_INVALID',
    ],
  );
});
