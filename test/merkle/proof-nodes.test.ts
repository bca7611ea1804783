import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  assembleProof,
  consistencyNodes,
  foldNodes,
  inclusionNodes,
  meetingLevel,
  type NodeId,
  rootNodes,
  treeRoot,
} from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { GrownTree } from './grown-tree.ts';

const tree = new GrownTree(nodeCrypto, 300);

/** Leaves [from, to) that neighbouring nodes cover; fails when there is a gap between them. */
function cover(nodes: readonly NodeId[]): [number, number] {
  const from = nodes[0]!.index * 2 ** nodes[0]!.level;
  let at = from;
  for (const { level, index } of nodes) {
    assert.equal(index * 2 ** level, at);
    at += 2 ** level;
  }
  return [from, at];
}

test('the root folds from its perfect nodes at every size to 300', () => {
  for (let size = 1; size <= 300; size++) {
    const ids = rootNodes(size);
    assert.deepEqual(cover(ids), [0, size]);
    assert.equal(ids.length, size.toString(2).replaceAll('0', '').length);
    const expected = treeRoot(nodeCrypto, tree.leaves.slice(0, size));
    assert.deepEqual(foldNodes(nodeCrypto, ids.map(tree.hashOf)), expected);
  }
  assert.deepEqual(rootNodes(0), []);
});

test('each element is the root of the leaves that its nodes cover', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(299), (size, any) => {
      for (const groups of [inclusionNodes(any % size, size), consistencyNodes((any % size) + 1, size)]) {
        const proof = assembleProof(nodeCrypto, groups, tree.hashOf);
        groups.forEach((group, i) => {
          const expected = treeRoot(nodeCrypto, tree.leaves.slice(...cover(group)));
          assert.deepEqual(proof[i], expected);
        });
      }
    }),
  );
});

test('an inclusion path covers every leaf but its own, once', () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 53 - 1 }));
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (size, part) => {
      const index = Math.min(size - 1, Math.floor(size * part));
      const covered = inclusionNodes(index, size).map(cover);
      const before = covered
        .filter(([from]) => from <= index)
        .reduce((sum, [from, to]) => sum + (to - from), 0);
      const all = covered.reduce((sum, [from, to]) => sum + (to - from), 0);
      assert.equal(before, index);
      assert.equal(all, size - 1);
      assert.ok(covered.length <= 53);
    }),
  );
});

test('no element of a consistency proof reaches across the end of the older tree', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 50 }), fc.integer({ min: 0, max: 2 ** 50 }), (size1, more) => {
      for (const group of consistencyNodes(size1, size1 + more)) {
        const [from, to] = cover(group);
        assert.ok(to <= size1 || from >= size1);
      }
    }),
  );
});

test('equal sizes, and the whole older tree, need no nodes', () => {
  assert.deepEqual(consistencyNodes(7, 7), []);
  assert.deepEqual(inclusionNodes(0, 1), []);
  // RFC 9162 §2.1.4.2: a power of two is not repeated in the proof, the verifier has it.
  assert.deepEqual(consistencyNodes(4, 8), [[{ level: 2, index: 1 }]]);
});

test('the example of RFC 9162 §2.1.5', () => {
  // biome-ignore format: read beside the RFC's drawing
  const names: Record<string, string> = {
    '0/0': 'a', '0/1': 'b', '0/2': 'c', '0/3': 'd', '0/4': 'e', '0/5': 'f', '0/6': 'j',
    '1/0': 'g', '1/1': 'h', '1/2': 'i', '2/0': 'k',
  };
  const named = (groups: readonly (readonly NodeId[])[]) =>
    groups.map((group) => group.map(({ level, index }) => names[`${level}/${index}`]).join('+'));
  assert.deepEqual(named(inclusionNodes(0, 7)), ['b', 'h', 'i+j']); // l is the node above i and j
  assert.deepEqual(named(inclusionNodes(3, 7)), ['c', 'g', 'i+j']);
  assert.deepEqual(named(inclusionNodes(4, 7)), ['f', 'j', 'k']);
  assert.deepEqual(named(inclusionNodes(6, 7)), ['i', 'k']);
  assert.deepEqual(named(consistencyNodes(3, 7)), ['c', 'd', 'g', 'i+j']);
  assert.deepEqual(named(consistencyNodes(4, 7)), ['i+j']);
  assert.deepEqual(named(consistencyNodes(6, 7)), ['i', 'j', 'k']);
});

test('what is not in the tree is refused', () => {
  const refused = (f: () => unknown) => assert.throws(f, (e) => isLedgerError(e, 'ARGUMENT_INVALID'));
  refused(() => rootNodes(-1));
  refused(() => rootNodes(2 ** 53));
  refused(() => inclusionNodes(0, 0));
  refused(() => inclusionNodes(3, 3));
  refused(() => inclusionNodes(-1, 3));
  refused(() => inclusionNodes(0.5, 3));
  refused(() => consistencyNodes(0, 3));
  refused(() => consistencyNodes(4, 3));
  refused(() => consistencyNodes(1, Number.NaN));
});

test('paths of one tree that are as long differ below the level where two leaves meet, and only there', () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 53 - 1 }));
  const part = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const other = fc.oneof(part, fc.constantFrom(1, 2, 3, 100));
  fc.assert(
    fc.property(sizes, part, other, (size, one, two) => {
      const a = Math.min(size - 1, Math.floor(size * one));
      const b = Math.min(size - 1, two < 1 ? Math.floor(size * two) : a + two);
      const level = meetingLevel(a, b);
      assert.equal(level, meetingLevel(b, a));
      assert.equal(BigInt(a) >> BigInt(level), BigInt(b) >> BigInt(level));
      assert.ok(level === 0 || BigInt(a) >> BigInt(level - 1) !== BigInt(b) >> BigInt(level - 1));
      const [first, second] = [inclusionNodes(a, size), inclusionNodes(b, size)];
      if (first.length === second.length) assert.deepEqual(first.slice(level), second.slice(level));
      if (level > 0) assert.notDeepEqual(first.slice(0, level), second.slice(0, level));
    }),
  );
});
