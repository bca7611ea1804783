import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Bytes } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  assembleProof,
  consistencyNodes,
  entryBundle,
  foldNodes,
  inclusionNodes,
  type NodeId,
  nodeInTile,
  parseEntryBundle,
  parseStatementBundle,
  parseTilePath,
  rootNodes,
  statementBundle,
  TILE_WIDTH,
  type TileKind,
  tileOfNode,
  tilePath,
  tileWidth,
} from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { GrownTree } from './grown-tree.ts';

test('paths are those of the specification', () => {
  assert.equal(tilePath(0, 1234067, 8), 'tile/0/x001/x234/067.p/8');
  assert.equal(tilePath(0, 0), 'tile/0/000');
  assert.equal(tilePath(63, 999, 256), 'tile/63/999');
  assert.equal(tilePath('entries', 1000, 1), 'tile/entries/x001/000.p/1');
  assert.equal(tilePath('statements', 2 ** 53 - 1), 'tile/statements/x009/x007/x199/x254/x740/991');
});

test('paths round trip', () => {
  const kinds = fc.oneof(fc.nat(63), fc.constantFrom<TileKind>('entries', 'statements'));
  fc.assert(
    fc.property(kinds, fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (kind, index, width) => {
      assert.deepEqual(parseTilePath(tilePath(kind, index, width)), { kind, index, width });
    }),
  );
});

test('one tile has one path', () => {
  // biome-ignore format: a list
  const bad = [
    '', 'tile', 'tile/0', 'tile/0/', 'tile/0/0', 'tile/0/00', 'tile/0/0000', 'tile/0/x000/000', 'tile/0/x000',
    'tile/00/000', 'tile/64/000', 'tile/100/000', 'tile/-1/000', 'tile/data/000', 'tile/Entries/000',
    '/tile/0/000', 'tile/0/000/', 'tile/0/000.p/', 'tile/0/000.p/0', 'tile/0/000.p/256', 'tile/0/000.p/257',
    'tile/0/000.p/01', 'tile/0/000.p/999', 'tile/0/000.p/1/', 'tile/0/001/000', 'tile/0/x001/x000', 'tile//000',
    'tile/0/000\n', 'tile/0/٠٠٠', 'tile/0/x009/x007/x199/x254/x740/992', 'tile/0/../000',
    `tile/0/${'x999/'.repeat(6)}999`, 'tile/0/x999/x999/x999/x999/x999/999',
  ];
  for (const path of bad) assert.throws(() => parseTilePath(path), code('NOT_FOUND'), path);
});

test('a mangled path is refused or names what it says', () => {
  for (const path of ['tile/0/x001/x234/067.p/8', 'tile/entries/123', 'tile/statements/x010/000.p/255']) {
    for (let i = 0; i <= path.length; i++) {
      for (const put of ['', '0', '1', '9', 'x', '/', '.', 'p', '%', ' ']) {
        for (const end of [i, i + 1]) {
          const changed = path.slice(0, i) + put + path.slice(end);
          const result = outcome(() => {
            const { kind, index, width } = parseTilePath(changed);
            return tilePath(kind, index, width);
          });
          assert.deepEqual(result, 'code' in result ? { code: 'NOT_FOUND' } : { value: changed });
        }
      }
    }
  }
});

test('no path is made of what is out of range', () => {
  const bad: [TileKind, number, number][] = [
    [-1, 0, 1],
    [64, 0, 1],
    [0.5, 0, 1],
    [0, -1, 1],
    [0, 2 ** 53, 1],
    [0, 0.5, 1],
    [0, 0, 0],
    [0, 0, 257],
    [0, 0, 1.5],
  ];
  for (const tile of bad) assert.throws(() => tilePath(...tile), code('ARGUMENT_INVALID'), String(tile));
});

test('tile widths add up to the hashes of the level', () => {
  const sizes = [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000];
  for (const size of sizes) {
    for (let level = 0; level < 4; level++) {
      let sum = 0;
      for (let index = 0; index < 275; index++) sum += tileWidth(level, index, size);
      assert.equal(sum, Math.floor(size / 256 ** level));
    }
  }
  assert.equal(tileWidth(6, 0, 2 ** 53 - 1), 31);
  assert.equal(tileWidth(5, 30, 2 ** 53 - 1), 256);
  assert.equal(tileWidth(5, 31, 2 ** 53 - 1), 255);
  assert.equal(tileWidth(7, 0, 2 ** 53 - 1), 0);
  assert.equal(tileWidth(63, 0, 2 ** 53 - 1), 0);
});

test('a node lies in the tile whose bottom hashes cover it', () => {
  assert.deepEqual(tileOfNode({ level: 0, index: 300 }), { level: 0, index: 1, from: 44, to: 45 });
  assert.deepEqual(tileOfNode({ level: 7, index: 3 }), { level: 0, index: 1, from: 128, to: 256 });
  assert.deepEqual(tileOfNode({ level: 8, index: 3 }), { level: 1, index: 0, from: 3, to: 4 });
  assert.deepEqual(tileOfNode({ level: 17, index: 1 }), { level: 2, index: 0, from: 2, to: 4 });
});

// Two full levels and the beginning of a third.
const tree = new GrownTree(nodeCrypto, 66_000, { roots: false });

/** Only what a server publishes at `size`: the tiles, each as wide as that tree has it. */
function published(size: number): (id: NodeId) => Bytes {
  return (id) => {
    const { level, index } = tileOfNode(id);
    return nodeInTile(nodeCrypto, tree.tile(level, index, size), id);
  };
}

test('proofs from tiles of every width equal proofs from the tree', () => {
  for (let width = 0; width <= TILE_WIDTH; width++) {
    for (const size of [width, 512 + width]) {
      if (size === 0) continue;
      const hashOf = published(size);
      const index = (width * 31) % size;
      for (const groups of [
        inclusionNodes(index, size),
        consistencyNodes(index + 1, size),
        [rootNodes(size)],
      ]) {
        assert.deepEqual(
          assembleProof(nodeCrypto, groups, hashOf),
          assembleProof(nodeCrypto, groups, tree.hashOf),
        );
      }
    }
  }
});

test('proofs from tiles of several levels equal proofs from the tree', () => {
  const edges = [65_535, 65_536, 65_537, 65_792, 66_000];
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 1, max: 66_000 })),
      fc.nat(65_999),
      (size, any) => {
        const hashOf = published(size);
        for (const groups of [inclusionNodes(any % size, size), consistencyNodes((any % size) + 1, size)]) {
          assert.deepEqual(
            assembleProof(nodeCrypto, groups, hashOf),
            assembleProof(nodeCrypto, groups, tree.hashOf),
          );
        }
      },
    ),
    { numRuns: 40 },
  );
  const size = 65_800;
  assert.deepEqual(
    foldNodes(nodeCrypto, rootNodes(size).map(published(size))),
    foldNodes(nodeCrypto, rootNodes(size).map(tree.hashOf)),
  );
});

test('a node of a tile is a copy', () => {
  const tile = tree.tile(0, 0, 256);
  const node = nodeInTile(nodeCrypto, tile, { level: 0, index: 5 });
  tile.fill(0);
  assert.deepEqual(node, tree.leaves[5]);
});

test('a tile that is too narrow or not whole hashes is refused', () => {
  const refused = (tile: Bytes, id: NodeId) =>
    assert.throws(() => nodeInTile(nodeCrypto, tile, id), code('PROOF_MALFORMED'));
  refused(tree.tile(0, 0, 5), { level: 0, index: 5 });
  refused(tree.tile(0, 0, 7), { level: 2, index: 1 });
  refused(tree.tile(0, 0, 8).subarray(1), { level: 0, index: 0 });
  refused(new Uint8Array(0), { level: 0, index: 0 });
});

test('entry bundles round trip', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 }), (entries) => {
      assert.deepEqual(parseEntryBundle(entryBundle(entries)), entries);
    }),
    { numRuns: 30 },
  );
  const longest = new Uint8Array(65_535).fill(1);
  assert.deepEqual(parseEntryBundle(entryBundle([longest])), [longest]);
  assert.deepEqual(entryBundle([Uint8Array.of(7, 8)]), Uint8Array.of(0, 2, 7, 8));
});

test('statement bundles round trip, with null for a state entry', () => {
  const statements = fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 }), { freq: 3 });
  fc.assert(
    fc.property(fc.array(statements, { maxLength: 256 }), (bundle) => {
      assert.deepEqual(parseStatementBundle(statementBundle(bundle)), bundle);
    }),
    { numRuns: 30 },
  );
  const large = new Uint8Array(1 << 20).fill(1);
  assert.deepEqual(parseStatementBundle(statementBundle([large, null])), [large, null]);
  assert.deepEqual(statementBundle([Uint8Array.of(7), null]), Uint8Array.of(0, 0, 0, 1, 7, 0, 0, 0, 0));
});

test('what a bundle cannot hold is refused', () => {
  const refused = (f: () => unknown) => assert.throws(f, code('ARGUMENT_INVALID'));
  refused(() => entryBundle([new Uint8Array(65_536)]));
  refused(() => entryBundle(new Array(257).fill(new Uint8Array(1))));
  refused(() => statementBundle(new Array(257).fill(null)));
  // An empty statement would be read as a state entry.
  refused(() => statementBundle([new Uint8Array(0)]));
});

test('a bundle that claims more than it has, or more than a tile, is refused', () => {
  const refused = (parse: (bytes: Bytes) => unknown, bytes: number[] | Bytes) =>
    assert.throws(() => parse(Uint8Array.from(bytes)), code('PROOF_MALFORMED'));
  refused(parseEntryBundle, [0]);
  refused(parseEntryBundle, [0xff, 0xff, 1]);
  refused(parseEntryBundle, new Uint8Array(2 * 257));
  refused(parseStatementBundle, [0, 0, 0]);
  refused(parseStatementBundle, [0xff, 0xff, 0xff, 0xff, 1]);
  refused(parseStatementBundle, new Uint8Array(4 * 257));
});

test('a mangled bundle is refused, or is the bundle of what it is read as', () => {
  const three = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5, 6)];
  for (const bytes of mangled(entryBundle(three))) {
    const result = outcome(() => entryBundle(parseEntryBundle(bytes)));
    assert.deepEqual(result, 'code' in result ? { code: 'PROOF_MALFORMED' } : { value: bytes });
  }
  for (const bytes of mangled(statementBundle([three[0]!, null, three[1]!]))) {
    const result = outcome(() => statementBundle(parseStatementBundle(bytes)));
    assert.deepEqual(result, 'code' in result ? { code: 'PROOF_MALFORMED' } : { value: bytes });
  }
});

function code(expected: string) {
  return (error: unknown) => isLedgerError(error, expected);
}
