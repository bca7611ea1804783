import assert from 'node:assert/strict';
import { it } from 'node:test';
import { leafHash, treeRoot } from '../../src/merkle/index.ts';
import { LaneTree } from '../../src/merkle/lane-tree.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

it('has the root of the plain tree, for any number of messages of any length', () => {
  const tree = new LaneTree(crypto);
  // In an order in which every root finds what larger and smaller ones have left behind.
  const sizes = [300, 0, 1, 4097, ...Array.from({ length: 70 }, (_, i) => i), 255, 256, 257, 1025];
  for (const size of sizes) {
    const long = size % 11 === 7 ? 60 : 0;
    const messages = Array.from({ length: size }, (_, i) =>
      crypto.randomBytes((i % 55) + (i === 3 ? long : 0)),
    );
    const plain = treeRoot(
      crypto,
      messages.map((message) => leafHash(crypto, message)),
    );
    assert.deepEqual(tree.root(messages), plain, `${size} messages`);
  }
});

it('has the root of the plain tree over a row of hashes', () => {
  const tree = new LaneTree(crypto);
  for (const count of [256, 1, 2, 3, 255, 257, 4096, 100]) {
    const hashes = crypto.randomBytes(count * 32);
    const list = Array.from({ length: count }, (_, i) => hashes.subarray(i * 32, i * 32 + 32));
    assert.deepEqual(tree.rootOf(hashes), treeRoot(crypto, list), `${count} hashes`);
  }
});
