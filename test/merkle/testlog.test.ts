/** A real tlog-tiles log (transparency-dev/tessera): each checkpoint's root from its bundles and from its tiles. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Bytes, fromBase64, toBase64 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  assembleProof,
  CompactRange,
  consistencyNodes,
  emptyRoot,
  entryBundle,
  foldNodes,
  inclusionNodes,
  leafHash,
  type NodeId,
  nodeInTile,
  parseEntryBundle,
  rootNodes,
  type TileKind,
  tileOfNode,
  tilePath,
  tileWidth,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { vectors } from '../vectors.ts';

const log = vectors('tessera-testlog/testlog');
const SIZES = Array.from({ length: 16 }, (_, size) => size);

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`every published root, from bundles and from tiles (${crypto.name})`, { skip: !log }, () => {
    for (const size of SIZES) {
      const { root, size: stated } = checkpoint(size);
      assert.equal(stated, size);
      if (size === 0) {
        assert.equal(toBase64(emptyRoot(crypto)), root);
        continue;
      }
      const bundle = file('entries', size);
      const entries = parseEntryBundle(bundle);
      assert.equal(entries.length, size);
      assert.deepEqual(entryBundle(entries), bundle);
      const leaves = entries.map((entry) => leafHash(crypto, entry));
      assert.equal(toBase64(treeRoot(crypto, leaves)), root);
      const range = CompactRange.empty();
      for (const leaf of leaves) range.append(crypto, leaf);
      assert.equal(toBase64(range.root(crypto)), root);

      const hashOf = fromTiles(size);
      assert.equal(toBase64(foldNodes(crypto, rootNodes(size).map(hashOf))), root);
      for (const [index, leaf] of leaves.entries()) {
        const proof = assembleProof(crypto, inclusionNodes(index, size), hashOf);
        verifyInclusion(crypto, { index, size, leafHash: leaf, proof, root: range.root(crypto) });
      }
    }
  });
}

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`consistency between all checkpoints, from tiles (${crypto.name})`, { skip: !log }, () => {
    const roots = SIZES.map((size) => fromBase64(checkpoint(size).root));
    for (const size2 of SIZES.slice(1)) {
      for (const size1 of SIZES.slice(1, size2 + 1)) {
        const proof = assembleProof(crypto, consistencyNodes(size1, size2), fromTiles(size2));
        verifyConsistency(crypto, { size1, size2, root1: roots[size1]!, root2: roots[size2]!, proof });
      }
    }
  });
}

function checkpoint(size: number): { size: number; root: string } {
  const lines = readFileSync(join(log!, `checkpoint.${size}`), 'utf8').split('\n');
  return { size: Number(lines[1]), root: lines[2]! };
}

function file(kind: TileKind, size: number): Bytes {
  return new Uint8Array(readFileSync(join(log!, tilePath(kind, 0, size))));
}

function fromTiles(size: number): (id: NodeId) => Bytes {
  return (id) => {
    const { level, index } = tileOfNode(id);
    assert.equal(index, 0);
    assert.equal(tileWidth(level, index, size), size);
    return nodeInTile(nodeCrypto, file(level, size), id);
  };
}
