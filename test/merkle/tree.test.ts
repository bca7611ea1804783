import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { MerkleTree } from 'merkletreejs';
import { type Bytes, concat, fromHex, toHex, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { CompactRange, emptyRoot, leafHash, nodeHash, treeRoot } from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

// The eight leaves and roots that every implementation of the tree since RFC 6962 is tested with.
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`the well-known trees of 0 to 8 leaves (${crypto.name})`, () => {
    for (const [size, root] of ROOTS.entries()) {
      const leaves = LEAVES.slice(0, size).map((leaf) => leafHash(crypto, fromHex(leaf)));
      assert.equal(toHex(treeRoot(crypto, leaves)), root);
    }
    assert.equal(toHex(emptyRoot(crypto)), ROOTS[0]);
  });

  test(`leaf and node hashes are SHA-256 with a prefix each (${crypto.name})`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), hash(), hash(), (data, left, right) => {
        assert.deepEqual(leafHash(crypto, data), sha256(concat(Uint8Array.of(0), data)));
        assert.deepEqual(nodeHash(crypto, left, right), sha256(concat(Uint8Array.of(1), left, right)));
        // 64 bytes of leaf data are not two children.
        assert.notDeepEqual(leafHash(crypto, concat(left, right)), nodeHash(crypto, left, right));
      }),
    );
  });
}

test('a child of another length is refused, and leaves nothing behind in the next hash', () => {
  const zero = new Uint8Array(32);
  const expected = nodeHash(nodeCrypto, zero, zero);
  for (const length of [0, 1, 31, 33, 64]) {
    const wrong = new Uint8Array(length).fill(7);
    for (const [left, right] of [
      [wrong, zero],
      [zero, wrong],
    ] as const) {
      assert.throws(
        () => nodeHash(nodeCrypto, left, right),
        (e) => isLedgerError(e, 'ARGUMENT_INVALID'),
      );
    }
    assert.deepEqual(nodeHash(nodeCrypto, zero, zero), expected);
  }
});

test('roots equal those of merkletreejs with prefixed hashing', () => {
  const node = (pair: Bytes) => Buffer.from(sha256(concat(Uint8Array.of(1), pair)));
  for (const size of [1, 2, 3, 5, 7, 8, 9, 31, 32, 33, 100, 255, 256, 257, 1000]) {
    const leaves = Array.from({ length: size }, (_, i) => leafHash(nodeCrypto, utf8(`${i}`)));
    const oracle = new MerkleTree(leaves.map(Buffer.from), node as never);
    assert.equal(toHex(treeRoot(nodeCrypto, leaves)), oracle.getRoot().toString('hex'), `size ${size}`);
  }
});

test('both crypto back ends give one root', () => {
  const grown = [nodeCrypto, nobleCrypto].map((crypto) => {
    const range = CompactRange.empty();
    for (let i = 0; i < 777; i++) range.append(crypto, leafHash(crypto, utf8(`${i}`)));
    return range.root(crypto);
  });
  assert.deepEqual(grown[0], grown[1]);
});

function hash() {
  return fc.uint8Array({ minLength: 32, maxLength: 32 });
}
