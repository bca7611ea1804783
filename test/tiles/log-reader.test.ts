import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, equal, utf8 } from '../../src/core/bytes.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { BundleHasher } from '../../src/merkle/bundle-hash.ts';
import { entryBundle, statementBundle, verifyConsistency, verifyInclusion } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { type LogLeaf, LogReader, TileFault } from '../../src/tiles/index.ts';
import { TreeSource, testLeaf } from './tree-source.ts';

const SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 1000];
/** Three levels of tiles. */
const LARGE = 256 * 256 + 300;
const large = new TreeSource();
for (const size of [...SIZES, 256 * 256, LARGE]) large.grow(size);

const headOf = (source: TreeSource, size: number) => ({ size, root: source.roots.get(size)! });

async function read(reader: LogReader, from = 0, to?: number): Promise<LogLeaf[]> {
  const all: LogLeaf[] = [];
  for await (const leaves of reader.leaves(from, to)) all.push(...leaves);
  return all;
}

describe('reading a log over its tiles', () => {
  for (const size of SIZES) {
    test(`the tree of ${size}, alone and inside a larger one`, async () => {
      for (const source of [new TreeSource(size), large]) {
        const reader = await LogReader.open(crypto, source, headOf(source, size));
        const leaves = await read(reader);
        assert.equal(leaves.length, size);
        for (const [i, { index, data, statement }] of leaves.entries()) {
          assert.equal(index, i);
          assert.deepEqual({ data, statement }, testLeaf(i));
        }
      }
    });
  }

  test('an empty tree has nothing, and only its own root', async () => {
    const source = new TreeSource();
    assert.deepEqual(await read(await LogReader.open(crypto, source, headOf(source, 0))), []);
    await assert.rejects(LogReader.open(crypto, source, { size: 0, root: new Uint8Array(32) }), {
      code: 'TILE_INVALID',
    });
  });

  test('any part of a large tree, with proofs and right edges', async () => {
    const reader = await LogReader.open(crypto, large, headOf(large, LARGE));
    const { root } = reader.head;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(LARGE - 1),
        fc.integer({ min: 0, max: 700 }),
        fc.constantFrom(...SIZES, 256 * 256, LARGE),
        async (from, count, older) => {
          const to = Math.min(LARGE, from + count);
          const leaves = await read(reader, from, to);
          assert.deepEqual(
            leaves.map(({ index }) => index),
            Array.from({ length: to - from }, (_, i) => from + i),
          );
          const leaf = await reader.leaf(from);
          const proof = await reader.inclusionPath(from);
          verifyInclusion(crypto, { index: from, size: LARGE, leafHash: leaf.hash, proof, root });
          const root1 = large.roots.get(older)!;
          const path = await reader.consistencyPath(older);
          verifyConsistency(crypto, { size1: older, size2: LARGE, root1, root2: root, proof: path });
          assert.deepEqual((await reader.range(older)).root(crypto), root1);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('partial tiles that are gone are read from the full ones', async () => {
    const source = new TreeSource(300);
    const head = source.head;
    source.grow(256 * 3);
    source.forgetful = true;
    const reader = await LogReader.open(crypto, source, head);
    assert.equal((await read(reader)).length, 300);
    assert(source.asked.includes('tile/0/001.p/44') && source.asked.includes('tile/0/001'));
  });

  test('reading on from the middle of a bundle asks for no more than it needs', async () => {
    const source = new TreeSource(256 * 40);
    const reader = await LogReader.open(crypto, source, source.head);
    source.asked.length = 0;
    await read(reader, 256 * 3 + 5, 256 * 4 + 1);
    assert.deepEqual(
      source.asked.filter((path) => path.startsWith('tile/entries/')),
      ['tile/entries/003', 'tile/entries/004'],
    );
  });
});

describe('with bundles hashed as a whole', () => {
  const bundles = new BundleHasher(crypto, { ids: true, inner: true });

  test('the same leaves come out, and the inner nodes are those of the tree', async () => {
    for (const from of [0, 5, 256, 700]) {
      const plain = await LogReader.open(crypto, large, headOf(large, 1000));
      const fast = await LogReader.open(crypto, large, headOf(large, 1000), bundles);
      const leaves = await read(fast, from);
      assert.deepEqual(
        leaves.map((leaf) => ({ ...leaf, above: undefined })),
        await read(plain, from),
      );
      // Of a bundle that begins before `from`, and of one that is not full, there are none.
      const whole = leaves.filter(({ above }) => above).map(({ index }) => index);
      assert.equal(whole.length, (3 - Math.ceil(from / 256)) * 256);
      const range = await fast.range(from);
      const hasher = { sha256: () => assert.fail('nothing is hashed again') };
      for (const { index, hash, above } of leaves) {
        // At the end of a bundle, it is joined to those before.
        range.append(above && (index + 1) % 256 !== 0 ? hasher : crypto, hash, undefined, above);
      }
      assert.deepEqual(range.root(crypto), headOf(large, 1000).root);
    }
  });

  test('what is wrong is found, and said, as it is one by one', async () => {
    const source = new TreeSource(600);
    const outcome = async (hasher?: BundleHasher) => {
      try {
        const reader = await LogReader.open(crypto, source, source.head, hasher);
        return (await read(reader)).map(({ above: _, ...leaf }) => leaf);
      } catch (error) {
        assert(error instanceof TileFault);
        return { code: error.code, message: error.message };
      }
    };
    for (const kind of ['entries', 'statements'] as const) {
      const path = `tile/${kind}/001`;
      source.lie = (_path, bytes) => bytes;
      const { length } = await source.tile(path);
      await fc.assert(
        fc.asyncProperty(fc.nat(length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
          source.lie = (asked, bytes) => {
            if (asked !== path) return bytes;
            const changed = bytes.slice();
            changed[at]! ^= flip;
            return changed;
          };
          assert.deepEqual(await outcome(bundles), await outcome());
        }),
        { numRuns: 30 },
      );
    }
  });
});

describe('a source that lies', () => {
  /** Reads everything there is, proofs too. */
  const everything = async (source: TreeSource, head: { size: number; root: Bytes }) => {
    const reader = await LogReader.open(crypto, source, head);
    const leaves = await read(reader);
    await reader.inclusionPath(3);
    await reader.inclusionPath(head.size - 1);
    return leaves;
  };

  test('no changed byte of any tile comes out', async () => {
    const source = new TreeSource(600);
    const honest = await everything(source, source.head);
    const tiles = [...new Set(source.asked)];
    let caught = 0;
    for (const path of tiles) {
      source.lie = (_path, bytes) => bytes;
      const { length } = await source.tile(path);
      const step = Math.max(1, Math.floor(length / 12));
      for (let at = 0; at < length; at += step) {
        source.lie = (asked, bytes) =>
          asked === path ? Uint8Array.from(bytes).fill(bytes[at]! ^ 1, at, at + 1) : bytes;
        try {
          assert.deepEqual(await everything(source, source.head), honest, `${path} at ${at}`);
          assert.fail(`${path} at ${at}: read as if nothing were wrong`);
        } catch (error) {
          assert(error instanceof TileFault, String(error));
          caught++;
        }
      }
    }
    assert(caught > 80, `${caught}`);
  });

  test('tiles that are cut short, too long or missing are faults that name them', async () => {
    const source = new TreeSource(600);
    await everything(source, source.head);
    const honest = [...new Set(source.asked)];
    for (const path of honest) {
      for (const lie of [(bytes: Bytes) => bytes.slice(0, -1), () => null]) {
        source.lie = (asked, bytes) => (asked === path ? lie(bytes) : bytes);
        const code = /statements/.test(path) ? /BODY_MISSING|TILE_INVALID/ : /TILE_(?:MISSING|INVALID)/;
        await assert.rejects(everything(source, source.head), (error) => {
          assert(error instanceof TileFault, String(error));
          assert.match(error.code, code);
          assert.equal(error.path, path);
          return true;
        });
      }
    }
  });

  test('a statement that is withheld, swapped or put in place of a state entry is named by its index', async () => {
    const source = new TreeSource(300);
    const bundle = (change: (statements: (Bytes | null)[]) => void) => {
      const statements = source.leaves.slice(0, 256).map(({ statement }) => statement);
      change(statements);
      source.lie = (path, bytes) => (path === 'tile/statements/000' ? statementBundle(statements) : bytes);
    };
    const changes: [number, (statements: (Bytes | null)[]) => void][] = [
      [7, (statements) => statements.fill(null, 7, 8)],
      [7, (statements) => statements.fill(utf8('another'), 7, 8)],
      [8, (statements) => statements.fill(utf8('a body'), 8, 9)],
    ];
    for (const [index, change] of changes) {
      bundle(change);
      await assert.rejects(everything(source, source.head), (error) => {
        assert(isLedgerError(error, 'BODY_MISSING') && error instanceof TileFault);
        assert.equal(error.index, index);
        return true;
      });
    }
  });

  test('a leaf of the open bundle that is not in the tree is named', async () => {
    const source = new TreeSource(300);
    const data = source.leaves.slice(256).map((leaf) => leaf.data);
    data[4] = crypto.sha256(utf8('another'));
    source.lie = (path, bytes) => (path.startsWith('tile/entries/001') ? entryBundle(data) : bytes);
    await assert.rejects(everything(source, source.head), (error) => {
      assert(error instanceof TileFault && error.code === 'TILE_INVALID');
      assert.equal(error.index, 260);
      return true;
    });
  });

  test('another root is no head of these tiles', async () => {
    const source = new TreeSource(300);
    const root = source.head.root.slice().fill(1, 0, 1);
    assert(!equal(root, source.head.root));
    await assert.rejects(LogReader.open(crypto, source, { size: 300, root }), { code: 'TILE_INVALID' });
  });

  test('what the network does is no fault of the log', async () => {
    const source = new TreeSource(300);
    source.lie = (path) => {
      throw fail('UNAVAILABLE', path);
    };
    await assert.rejects(LogReader.open(crypto, source, source.head), { code: 'UNAVAILABLE' });
  });
});
