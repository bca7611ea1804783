/**
 * The tree of a log against a general Merkle tree, merkletreejs, that keeps all leaves and builds its layers again: what one more
 * leaf costs with its new root, at growing sizes. Both hash as RFC 9162 says, and must agree.
 */
import { createHash } from 'node:crypto';
import { MerkleTree } from 'merkletreejs';
import { concat, equal } from '../../src/core/bytes.ts';
import { LogTree } from '../../src/log/tree.ts';
import { leafHash } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage, WriteBatch } from '../../src/storage/index.ts';
import type { Measure, Suite } from '../main.ts';

const SIZES = [1000, 10_000, 100_000];
const NODE = Uint8Array.of(1);

export const suite: Suite = {
  describe: 'appends a leaf and takes the new root; merkletreejs as the naive baseline',
  ceilings: ['SHA-256 of nodes'],
  entries: 'own',
  async run({ progress }) {
    const measures: Measure[] = [];
    for (const size of SIZES) {
      const leaves = Array.from({ length: size }, (_, n) =>
        leafHash(crypto, crypto.sha256(Uint8Array.of(n, n >> 8, n >> 16))),
      );
      const ours = await logTree(leaves);
      const naive = naiveTree(leaves);
      if (!equal(ours.root, naive.root)) throw new Error('the two trees differ');
      progress(`${size.toLocaleString('en')} leaves: the same root`);
      const at = `${size.toLocaleString('en')} leaves`;
      measures.push(
        { name: `append and root at ${at}`, value: ours.append * 1000, unit: 'µs' },
        { name: `append and root at ${at}, merkletreejs`, value: naive.append * 1000, unit: 'µs' },
        { name: `times as fast at ${at}`, value: naive.append / ours.append, unit: '' },
      );
    }
    return measures;
  },
};

interface Grown {
  readonly root: Uint8Array;
  /** Milliseconds. */
  readonly append: number;
}

const APPENDS = { ours: 2000, naive: 5 } as const;

async function logTree(leaves: readonly Uint8Array[]): Promise<Grown> {
  const storage = memoryStorage();
  const tree = LogTree.restore(crypto, storage, 0, []);
  for (const [n, hash] of leaves.entries()) {
    tree.append(hash);
    if (n % 4096 === 4095) await stored();
  }
  const root = tree.root();
  const started = performance.now();
  for (let n = 0; n < APPENDS.ours; n++) {
    tree.append(leaves[n % leaves.length]!);
    tree.root();
  }
  return { root, append: (performance.now() - started) / APPENDS.ours };

  async function stored(): Promise<void> {
    const batch = new WriteBatch();
    tree.addWrites(batch);
    await storage.write(batch);
  }
}

function naiveTree(leaves: readonly Uint8Array[]): Grown {
  // A layer's last node that has no sibling goes up as it is: RFC 9162 by another name.
  const node = (pair: Buffer) => createHash('sha256').update(concat(NODE, pair)).digest();
  const tree = new MerkleTree(
    leaves.map((leaf) => Buffer.from(leaf)),
    node,
  );
  const root = Uint8Array.from(tree.getRoot());
  const started = performance.now();
  for (let n = 0; n < APPENDS.naive; n++) {
    tree.addLeaf(Buffer.from(leaves[n % leaves.length]!));
    tree.getRoot();
  }
  return { root, append: (performance.now() - started) / APPENDS.naive };
}
