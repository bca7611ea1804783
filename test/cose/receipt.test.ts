import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, type CborMap, encode } from '../../src/core/cbor.ts';
import type { Crypto } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  CONSISTENCY_RECEIPT_TYPE,
  decodeProtected,
  decodeReceipt,
  decodeSign1,
  encodeConsistencyReceipt,
  encodeInclusionReceipt,
  encodeSign1,
  INCLUSION_RECEIPT_TYPE,
  InclusionReceipts,
  KID,
  receiptProtected,
  signSign1,
  signTreeHead,
  TYP,
  thumbprint,
  VDP,
  VDS,
  verifyConsistencyReceipt,
  verifyInclusionReceipt,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { assertMangleProof, refusal } from './mangle.ts';
import { consistencyPath, inclusionPath, root } from './tree.ts';

const ORIGIN = 'example.com/aichain';
const SERVICE = 'https://log.example.com';
const TIME = 1_790_000_000_999;
const entries = Array.from({ length: 20 }, (_, i) => nodeCrypto.sha256(Uint8Array.of(i)));
const CODES = [
  'CBOR_MALFORMED',
  'COSE_MALFORMED',
  'COSE_TAG_WRONG',
  'HEADER_MISSING',
  'ALG_NOT_ALLOWED',
  'CRIT_UNKNOWN',
  'VDS_UNSUPPORTED',
  'PROOF_MALFORMED',
  'CONSISTENCY_INVALID',
  'RECEIPT_INVALID',
];

function log(crypto: Crypto) {
  const key = crypto.importPrivateKey('ES256', new Uint8Array(32).fill(0x11));
  const head = (size: number, proof: 'inclusion' | 'consistency') => {
    const kid = thumbprint(crypto, key.publicKey);
    const protectedBytes = receiptProtected({
      kid,
      service: SERVICE,
      origin: ORIGIN,
      time: TIME,
      size,
      proof,
    });
    return { protectedBytes, signature: signTreeHead(key, protectedBytes, root(entries.slice(0, size))) };
  };
  return {
    key,
    inclusion: (index: number, size: number) =>
      encodeInclusionReceipt({
        ...head(size, 'inclusion'),
        size,
        index,
        path: inclusionPath(index, entries.slice(0, size)),
      }),
    consistency: (size1: number, size2: number) =>
      encodeConsistencyReceipt({
        ...head(size2, 'consistency'),
        size1,
        size2,
        path: consistencyPath(size1, entries.slice(0, size2)),
      }),
  };
}

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`receipts of this log, ${crypto.name}`, () => {
    const { key, inclusion, consistency } = log(crypto);

    test('inclusion: every leaf of some sizes', () => {
      for (const size of [2, 3, 7, 8]) {
        for (let index = 0; index < size; index++) {
          const receipt = decodeReceipt(inclusion(index, size));
          const expected = { origin: ORIGIN, service: SERVICE };
          const head = verifyInclusionReceipt(crypto, key.publicKey, receipt, entries[index]!, expected);
          assert.deepEqual(head, { root: root(entries.slice(0, size)), size, index });
          assert.equal(
            refusal(() => verifyInclusionReceipt(crypto, key.publicKey, receipt, entries[size]!)),
            'RECEIPT_INVALID',
          );
        }
      }
    });

    test('consistency', () => {
      for (const [size1, size2] of [
        [2, 3],
        [3, 8],
        [4, 8],
        [6, 7],
        [8, 20],
      ] as const) {
        const receipt = decodeReceipt(consistency(size1, size2));
        const older = { root: root(entries.slice(0, size1)), size: size1 };
        const head = verifyConsistencyReceipt(crypto, key.publicKey, receipt, older, { origin: ORIGIN });
        assert.deepEqual(head, { root: root(entries.slice(0, size2)), size: size2 });
        const fork = { ...older, root: root(entries.slice(1, size1 + 1)) };
        const code = refusal(() => verifyConsistencyReceipt(crypto, key.publicKey, receipt, fork));
        assert(['CONSISTENCY_INVALID', 'RECEIPT_INVALID'].includes(code), code);
        assert.equal(
          refusal(() => verifyConsistencyReceipt(crypto, key.publicKey, receipt, { ...older, size: size2 })),
          'RECEIPT_INVALID',
        );
      }
    });

    test('another key', () => {
      const other = crypto.importPrivateKey('ES256', new Uint8Array(32).fill(0x12)).publicKey;
      assert.equal(
        refusal(() => verifyInclusionReceipt(crypto, other, decodeReceipt(inclusion(1, 7)), entries[1]!)),
        'RECEIPT_INVALID',
      );
    });
  });
}

const { key, inclusion, consistency } = log(nodeCrypto);
const verify = (bytes: Uint8Array, expected?: { origin: string; service?: string }) =>
  verifyInclusionReceipt(nodeCrypto, key.publicKey, decodeReceipt(bytes), entries[3]!, expected);
/** A receipt for entry 3 of 7 with other headers, signed all the same. */
function resigned(change: (header: Map<number | string, Cbor>) => void, unprotected?: CborMap): Uint8Array {
  const receipt = decodeSign1(inclusion(3, 7));
  const header = new Map(receipt.protected) as Map<number | string, Cbor>;
  change(header);
  return signSign1(key, {
    protected: header,
    unprotected: unprotected ?? receipt.unprotected,
    payload: root(entries.slice(0, 7)),
    detached: true,
  });
}
const withProofs = (proofs: Cbor) => {
  const { protectedBytes, payload, signature } = decodeSign1(inclusion(3, 7));
  return encodeSign1({ protectedBytes, payload, signature, unprotected: new Map([[VDP, proofs]]) });
};

test('the protected header of FORMATS §4', () => {
  const receipt = decodeReceipt(inclusion(3, 7));
  assert.deepEqual(
    new Map(receipt.sign1.protected),
    new Map<number | string, unknown>([
      [1, -7],
      [4, thumbprint(nodeCrypto, key.publicKey)],
      [
        15,
        new Map<number, unknown>([
          [1, SERVICE],
          [2, ORIGIN],
          [6, 1_790_000_000],
        ]),
      ],
      [16, 'application/scitt-receipt+cose'],
      [395, 1],
      ['aichain', new Map([['size', 7]])],
    ]),
  );
  assert.deepEqual(encode(decodeProtected(receipt.sign1.protectedBytes)), receipt.sign1.protectedBytes);
  assert.equal(receipt.sign1.payload, null);
  assert.equal(receipt.size, 7);
  assert.deepEqual(receipt.claims, { issuer: SERVICE, subject: ORIGIN, issuedAt: 1_790_000_000 });
  assert.equal(decodeReceipt(consistency(3, 7)).type, CONSISTENCY_RECEIPT_TYPE);
});

test('one signature serves every leaf of a tree head', () => {
  const [one, two] = [decodeSign1(inclusion(0, 7)), decodeSign1(inclusion(6, 7))];
  assert.deepEqual(one.protectedBytes, two.protectedBytes);
  const swapped = encodeSign1({ ...two, signature: one.signature });
  verifyInclusionReceipt(nodeCrypto, key.publicKey, decodeReceipt(swapped), entries[6]!);
});

test('receipts are signed with ES256 only', () => {
  const other = nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(1));
  assert.equal(
    refusal(() => signTreeHead(other, new Uint8Array(0), entries[0]!)),
    'ALG_NOT_ALLOWED',
  );
});

test('alg and vds count only where they are protected', () => {
  const vdp = decodeSign1(inclusion(3, 7)).unprotected;
  assert.equal(
    refusal(() => verify(resigned((h) => h.delete(VDS)))),
    'HEADER_MISSING',
  );
  const moved = new Map([...vdp, [VDS, 1]]) as CborMap;
  assert.equal(
    refusal(() => verify(resigned((h) => h.delete(VDS), moved))),
    'HEADER_MISSING',
  );
  assert.equal(
    refusal(() => verify(resigned(() => {}, moved))),
    'COSE_MALFORMED',
  );
  assert.equal(
    refusal(() => verify(resigned((h) => h.set(VDS, 2)))),
    'VDS_UNSUPPORTED',
  );
  assert.equal(
    refusal(() => verify(resigned((h) => h.set(VDS, 'RFC9162')))),
    'HEADER_MISSING',
  );
});

test('a receipt of this log must fit its own header', () => {
  assert.equal(
    refusal(() => verify(resigned(() => {}))),
    'accepted',
  );
  for (const change of [
    (h: Map<number | string, Cbor>) => h.set('aichain', { size: 8 }),
    (h: Map<number | string, Cbor>) => h.set(TYP, CONSISTENCY_RECEIPT_TYPE),
    (h: Map<number | string, Cbor>) => h.delete(TYP),
    (h: Map<number | string, Cbor>) => h.delete(KID),
    (h: Map<number | string, Cbor>) => h.set(KID, entries[0]!),
  ]) {
    assert.equal(
      refusal(() => verify(resigned(change))),
      'RECEIPT_INVALID',
    );
  }
  for (const own of [1, {}, { size: 0 }, { size: '7' }]) {
    assert.equal(
      refusal(() => verify(resigned((h) => h.set('aichain', own)))),
      'HEADER_MISSING',
    );
  }
  assert.equal(
    refusal(() => verify(resigned((h) => h.set(KID, 'text')))),
    'HEADER_MISSING',
  );
  assert.equal(
    refusal(() => verify(resigned((h) => h.set(15, 'text')))),
    'HEADER_MISSING',
  );
});

test('the expected log', () => {
  const bytes = inclusion(3, 7);
  assert.equal(
    refusal(() => verify(bytes, { origin: ORIGIN, service: SERVICE })),
    'accepted',
  );
  assert.equal(
    refusal(() => verify(bytes, { origin: 'other.example' })),
    'RECEIPT_INVALID',
  );
  assert.equal(
    refusal(() => verify(bytes, { origin: ORIGIN, service: 'other' })),
    'RECEIPT_INVALID',
  );
  // Another product's receipt under the same key is not one of this log's.
  const foreign = resigned((h) => h.delete('aichain'));
  assert.equal(
    refusal(() => verify(foreign)),
    'accepted',
  );
  assert.equal(
    refusal(() => verify(foreign, { origin: ORIGIN })),
    'RECEIPT_INVALID',
  );
});

test('the signature of one kind does not serve the other', () => {
  const { protectedBytes, signature } = decodeSign1(consistency(3, 7));
  const path = inclusionPath(3, entries.slice(0, 7));
  const crossed = encodeInclusionReceipt({ protectedBytes, signature, size: 7, index: 3, path });
  assert.equal(
    refusal(() => verify(crossed)),
    'RECEIPT_INVALID',
  );
  assert.equal(
    refusal(() => verify(consistency(3, 7))),
    'RECEIPT_INVALID',
  );
  assert.notEqual(INCLUSION_RECEIPT_TYPE, CONSISTENCY_RECEIPT_TYPE as string);
});

test('an attached root must be the one that the path leads to', () => {
  const { protectedBytes, signature, unprotected } = decodeSign1(inclusion(3, 7));
  const attached = (payload: Uint8Array) => encodeSign1({ protectedBytes, signature, unprotected, payload });
  assert.equal(
    refusal(() => verify(attached(root(entries.slice(0, 7))))),
    'accepted',
  );
  assert.equal(
    refusal(() => verify(attached(root(entries.slice(0, 8))))),
    'RECEIPT_INVALID',
  );
});

test('sizes and indexes are unauthenticated, and a false one is refused', () => {
  const head = decodeSign1(inclusion(3, 7));
  const path = inclusionPath(3, entries.slice(0, 7));
  for (const size of [5, 6, 7, 8, 2 ** 40, 2n ** 64n - 1n]) {
    for (const index of [0, 2, 3, 4, 7, 2n ** 63n]) {
      if (size === 7 && index === 3) continue;
      const code = refusal(() => verify(encodeInclusionReceipt({ ...head, size, index, path })));
      assert(['PROOF_MALFORMED', 'RECEIPT_INVALID'].includes(code), code);
    }
  }
});

test('proofs of the wrong shape', () => {
  const hash = entries[0]!;
  const proof = (...members: Cbor[]) => new Map([[-1, [encode(members)]]]);
  const shapes: Cbor[] = [
    [],
    new Map(),
    new Map([[-3, []]]),
    new Map([[-1, []]]),
    new Map([[-1, hash]]),
    new Map([[-1, [[7, 3, [hash]]]]]),
    new Map([[-1, new Array(5).fill(encode([7, 3, [hash]]))]]),
    proof(7, 3),
    proof(7, 3, [hash], 1),
    proof(7, -3, [hash]),
    proof('7', 3, [hash]),
    proof(7, 3, hash),
    proof(7, 3, [hash.subarray(1)]),
    proof(7, 3, [[hash]]),
    proof(7, 3, new Array(64).fill(hash)),
  ];
  for (const shape of shapes) {
    assert.equal(
      refusal(() => decodeReceipt(withProofs(shape))),
      'PROOF_MALFORMED',
      `${shape}`,
    );
  }
  assert.equal(
    refusal(() => decodeReceipt(withProofs(new Map([[-1, [utf8('x')]]])))),
    'CBOR_MALFORMED',
  );
});

test('several proofs are alternatives', () => {
  const good = encode([7, 3, inclusionPath(3, entries.slice(0, 7))]);
  const other = encode([7, 4, inclusionPath(4, entries.slice(0, 7))]);
  const wrong = encode([7, 3, [entries[0]!]]);
  for (const list of [
    [other, good],
    [wrong, good],
  ]) {
    assert.equal(verify(withProofs(new Map([[-1, list]]))).index, 3);
  }
  assert.equal(
    refusal(() => verify(withProofs(new Map([[-1, [other]]])))),
    'RECEIPT_INVALID',
  );
});

test('any bytes are refused or decode, and never crash', () => {
  const whole = inclusion(3, 7);
  fc.assert(
    fc.property(fc.nat(whole.length), fc.uint8Array({ maxLength: 40 }), (at, junk) => {
      const code = refusal(() => decodeReceipt(Uint8Array.of(...whole.subarray(0, at), ...junk)));
      assert(code === 'accepted' || CODES.includes(code), code);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), (size, n) => {
      const receipt = decodeReceipt(inclusion(n % size, size));
      verifyInclusionReceipt(nodeCrypto, key.publicKey, receipt, entries[n % size]!);
    }),
    { numRuns: 40 },
  );
});

test('mangled: refused, or the same head', () => {
  assertMangleProof(inclusion(3, 7), (bytes) => verify(bytes, { origin: ORIGIN }), CODES);
  const older = { root: root(entries.slice(0, 3)), size: 3 };
  assertMangleProof(
    consistency(3, 7),
    (bytes) => {
      const head = verifyConsistencyReceipt(nodeCrypto, key.publicKey, decodeReceipt(bytes), older);
      return [toHex(head.root), head.size];
    },
    CODES,
  );
});

test('receipts that share their head are those that are encoded one by one', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const numbers = fc.maxSafeNat().chain((size) => fc.tuple(fc.constant(size), fc.nat({ max: size })));
  const parts = fc.record({
    protectedBytes: fc.uint8Array({ maxLength: 300 }),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    path: fc.array(hash, { maxLength: 60 }),
  });
  fc.assert(
    fc.property(parts, numbers, ({ protectedBytes, signature, path }, [size, index]) => {
      const shared = new InclusionReceipts({ protectedBytes, signature }, size);
      const one = encodeInclusionReceipt({ protectedBytes, signature, size, index, path });
      const row = Uint8Array.from(path.flatMap((each) => [...each]));
      assert.deepEqual(shared.encode(index, row), one);
      assert.deepEqual(shared.encode(index, row), one);
    }),
  );
});

test('receipts of one tree after the other, in any order, are those that are encoded one by one', () => {
  const sizes = fc.integer({ min: 1, max: 20 });
  const orders = sizes.chain((size) =>
    fc.tuple(fc.constant(size), fc.array(fc.nat(size - 1), { minLength: 2, maxLength: 40 })),
  );
  fc.assert(
    fc.property(orders, ([size, order]) => {
      const head = { protectedBytes: utf8('protected'), signature: new Uint8Array(64).fill(7) };
      const shared = new InclusionReceipts(head, size);
      for (const index of [...order, ...order.toSorted((a, b) => a - b)]) {
        const path = inclusionPath(index, entries.slice(0, size));
        const row = Uint8Array.from(path.flatMap((each) => [...each]));
        assert.deepEqual(shared.encode(index, row), encodeInclusionReceipt({ ...head, size, index, path }));
      }
    }),
  );
});

test('receipts whose index, or path, is written with more bytes than that of the one before', () => {
  const head = { protectedBytes: utf8('protected'), signature: new Uint8Array(64).fill(7) };
  const size = 2 ** 34 + 1;
  const shared = new InclusionReceipts(head, size);
  const hash = (n: number) => nodeCrypto.sha256(Uint8Array.of(n));
  // Paths of leaves of one tree: below where two of them meet the hashes differ, above they are the same.
  for (const index of [22, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 34 - 1, 2 ** 34, 0]) {
    const path = index === 2 ** 34 ? [hash(99)] : pathTo(index);
    const row = Uint8Array.from(path.flatMap((each) => [...each]));
    const one = encodeInclusionReceipt({ ...head, size, index, path });
    assert.deepEqual(shared.encode(index, row), one);
  }

  function pathTo(index: number) {
    return Array.from({ length: 35 }, (_, level) => {
      const sibling = Math.floor(index / 2 ** level) ^ 1;
      return nodeCrypto.sha256(utf8(`${level} ${sibling}`));
    });
  }
});
