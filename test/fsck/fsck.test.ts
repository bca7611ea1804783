/** Audits of stored logs: whatever happens to a row is found, and named; nothing else is. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { decodeStateEntry, encodeStateEntry, encodeVerdict } from '../../src/chain/index.ts';
import { type Bytes, concat, equal, toHex, u64be } from '../../src/core/bytes.ts';
import { encode } from '../../src/core/cbor.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import type { Finding } from '../../src/fsck/index.ts';
import {
  decodeHead,
  EDGE_RANGE,
  encodeHead,
  encodeVerdicts,
  HEAD_KEY,
  LEAF_INDEX_MARK_KEY,
  LEAF_INDEX_RANGE,
  LEAF_INDEX_VERSION,
  LEAVES_RANGE,
  leafIndexKey,
  leavesKey,
  MARK_KEY,
  RECORD_RANGE,
  TILE_RANGE,
  tileKey,
  verdictsKey,
} from '../../src/log/layout.ts';
import type { LeafRecord } from '../../src/log/leaf-record.ts';
import { type Storage, WriteBatch } from '../../src/storage/index.ts';
import type { OrderedMap } from '../../src/storage/ordered-map.ts';
import { damages, flipped, type Row, storageOf } from '../log/damaged-rows.ts';
import { crypto, ORIGIN } from '../log/world.ts';
import { audit, honestRows, replaced, rewritten } from './stored.ts';

let rows: OrderedMap;
let size: number;
before(async () => {
  rows = await honestRows();
  size = decodeHead(rows.get(HEAD_KEY)!).size;
});

const where = (findings: readonly Finding[]) => findings.map(({ check, at }) => `${check}: ${at}`);
/** What an audit of the log says where one row has another value. */
async function after(key: Bytes, value: Bytes | undefined, hashesOnly = false): Promise<string[]> {
  const damage = { name: '', found: value && ([key, value] as const) };
  const { findings } = await audit(await storageOf(rows, key, damage), { hashesOnly });
  return where(findings.list);
}

test('nothing is wrong with an honest log', async () => {
  for (const hashesOnly of [false, true]) {
    const report = await audit(await storageOf(rows), { hashesOnly, origin: ORIGIN });
    assert.deepEqual(report.findings.list, []);
    assert.equal(report.findings.code, undefined);
    assert.equal(report.size, size);
  }
});

test('whatever happens to a row of leaves, tiles or edge hashes is found by hashes alone', async () => {
  const tree = [LEAVES_RANGE, TILE_RANGE, EDGE_RANGE].flatMap((range) => rows.slice(range));
  const some = tree.filter((_, i) => i % 5 === 0 || i === 1);
  for (const row of some) {
    for (const damage of damages(row)) {
      const storage = await storageOf(rows, row[0], damage);
      const { findings } = await audit(storage, { hashesOnly: true });
      assert(findings.total > 0, `key ${row[0]}: ${damage.name}`);
    }
  }
});

test('whatever happens to a row that follows from the entries is found', async () => {
  const index = rows.slice(LEAF_INDEX_RANGE);
  const records = rows.slice(RECORD_RANGE);
  const chosen: Row[] = [index.at(-1)!, records[0]!];
  for (const row of chosen) {
    // Every other one: an audit of everything takes its time.
    for (const damage of [...damages(row)].filter((_, i) => i % 2 === 0)) {
      const { findings } = await audit(await storageOf(rows, row[0], damage));
      assert(findings.total > 0, `key ${row[0]}: ${damage.name}`);
      const unexpected = findings.list.filter(({ check }) => check !== 'derived');
      // Moved among the rows of another kind it is theirs to find.
      if (!damage.name.includes('another kind')) assert.deepEqual(unexpected, [], damage.name);
    }
  }
});

test('a head that cannot be read ends the audit; one that says something else is found', async () => {
  for (const damage of damages([HEAD_KEY, rows.get(HEAD_KEY)!])) {
    try {
      const { findings } = await audit(await storageOf(rows, HEAD_KEY, damage), {
        hashesOnly: true,
        origin: ORIGIN,
      });
      assert(findings.total > 0, damage.name);
    } catch (error) {
      assert(isLedgerError(error, 'LOG_CORRUPT'), String(error));
    }
  }
});

test('the report names the very leaf, hash or row that is wrong, and nothing else', async () => {
  const bundle = rows.get(leavesKey(256))!;
  const [leaf] = await after(leavesKey(256), flipped(bundle, bundle.length - 1), true);
  assert.equal(leaf, 'tree: leaf 511');
  assert.deepEqual(await after(tileKey(0, 1), flipped(rows.get(tileKey(0, 1))!, 32 * 7 + 3), true), [
    'tree: tile 0/1, hash 7',
  ]);
  assert.deepEqual(await after(tileKey(0, 0), undefined, true), ['tree: tile 0/0']);
  const [edge] = rows.slice(EDGE_RANGE);
  assert.deepEqual(await after(edge![0], flipped(edge![1], 5), true), ['tree: edge hash 1/0']);
  const root = crypto.randomBytes(32);
  const head = encodeHead({ size, root, origin: ORIGIN });
  assert((await after(HEAD_KEY, head, true)).includes(`tree: root of ${size}`));
  assert.deepEqual(await after(leavesKey(256), undefined, true), ['tree: leaves 256 to 511']);
  const [key, row] = rows.slice(LEAF_INDEX_RANGE).find(({ 0: at }) => equal(at, leafIndexKey(1, 3, 0)))!;
  for (const value of [flipped(row, 40), undefined]) {
    assert.deepEqual(await after(key, value), ['derived: leaf index, part 1']);
  }
  // What is left of a part that was being stored is written anew; of one behind that nothing can be left.
  assert.deepEqual(await after(leafIndexKey(2, 0, 0), row), []);
  assert.deepEqual(await after(leafIndexKey(3, 0, 0), row), ['derived: leaf index']);
  const version = LEAF_INDEX_VERSION;
  for (const value of [
    encode({ version, length: 256, parts: 3 }),
    encode({ version, length: 300, parts: 1 }),
    encode({ version: version + 1, length: 256, parts: 2 }),
    // Damaged, and not of an older version.
    encode({ versiom: version, length: 256, parts: 2 }),
    encode({ version: 0, length: 256, parts: 2 }),
    encode({ version: -1 - version, length: 256, parts: 2 }),
    encode({ version, length: 256, parts: 2, more: 1 }),
    u64be(7),
  ]) {
    assert.deepEqual(await after(LEAF_INDEX_MARK_KEY, value), ['derived: mark of the leaf index']);
  }
  // Rows of an older version are thrown away by the next start, whatever is in them.
  assert.deepEqual(await after(LEAF_INDEX_MARK_KEY, encode({ length: 256, parts: 2 })), []);
  // Rows of format 1 beside a mark; without one, that is what a start has begun to throw away.
  const older = concat(LEAF_INDEX_RANGE.gte, crypto.sha256(row));
  assert.deepEqual(await after(older, u64be(1)), ['derived: leaf index']);
  const upgrading = await storageOf(rows);
  const cleared = new WriteBatch().del(LEAF_INDEX_MARK_KEY).put(older, u64be(1));
  for (const [stored] of rows.slice(LEAF_INDEX_RANGE)) cleared.del(stored);
  await upgrading.write(cleared);
  assert.deepEqual(where((await audit(upgrading)).findings.list), []);
  assert.deepEqual(await after(MARK_KEY, flipped(rows.get(MARK_KEY) ?? Uint8Array.of(9), 0)), [
    'derived: verified mark',
  ]);
  const verdicts = encodeVerdicts([encodeVerdict({ index: 0, outcome: 'ok', reason: 'LATE' })]);
  assert.deepEqual(await after(verdictsKey(1), verdicts), ['derived: verdict row of state entry 1']);
  assert.deepEqual(await after(verdictsKey(2), verdicts), ['derived: verdict row of state entry 2']);
  assert.deepEqual(await after(Uint8Array.of(0x7a, 1), verdicts), ['derived: a row']);
});

test('rows of the leaf index that cannot be read are told, and all else is audited as ever', async () => {
  const [record] = rows.slice(RECORD_RANGE);
  const last = rows.slice(LEAF_INDEX_RANGE).at(-1)![0];
  const [edge] = rows.slice(EDGE_RANGE);
  const damage = new WriteBatch().del(record![0]).del(last).put(edge![0], flipped(edge![1], 5));
  const storage = await storageOf(rows);
  await storage.write(damage);
  const unreadable = (bad: Bytes): Storage => ({
    ...{ getMany: storage.getMany.bind(storage), write: storage.write.bind(storage) },
    close: storage.close.bind(storage),
    get: async (key) => {
      if (equal(key, bad)) throw fail('STORAGE_FAILED', 'a bad block');
      return storage.get(key);
    },
    async *range(range) {
      for await (const row of storage.range(range)) {
        if (equal(row[0], bad)) throw fail('STORAGE_FAILED', 'a bad block');
        yield row;
      }
    },
  });
  const others = ['tree: edge hash 1/0', `derived: record ${toHex(record![0].subarray(1))}`];
  const found = async (bad: Bytes) => where((await audit(unreadable(bad))).findings.list).toSorted();
  assert.deepEqual(
    await found(leafIndexKey(0, 1, 0)),
    ['storage: leaf index, part 0', 'derived: leaf index, part 1', ...others].toSorted(),
  );
  assert.deepEqual(
    await found(LEAF_INDEX_MARK_KEY),
    ['storage: mark of the leaf index', ...others].toSorted(),
  );
});

test('several faults are all reported', async () => {
  const storage = await storageOf(rows);
  const bundle = rows.get(leavesKey(0))!;
  const [record] = rows.slice(RECORD_RANGE);
  await storage.write(
    new WriteBatch()
      .put(leavesKey(0), flipped(bundle, bundle.length - 1))
      .put(tileKey(0, 1), flipped(rows.get(tileKey(0, 1))!, 0))
      .del(record![0]),
  );
  const { findings } = await audit(storage);
  const found = where(findings.list);
  for (const at of ['tree: leaf 255', 'tree: tile 0/1'])
    assert(
      found.some((one) => one.startsWith(at)),
      at,
    );
  assert(found.some((one) => one.startsWith('derived: record')));
});

test('a state root that replay does not lead to is found, though every hash fits', async () => {
  let at = -1;
  const storage = await rewritten(rows, (records) => {
    at = records.findIndex(({ isStateEntry }, i) => isStateEntry && i > 300);
    return replaced(records, at, (bytes) =>
      encodeStateEntry({ ...decodeStateEntry(bytes), mapRoot: new Uint8Array(32).fill(1) }),
    );
  });
  const { findings } = await audit(storage);
  assert.deepEqual(where(findings.list), [`state: state entry ${at}, mapRoot`]);
  assert.equal(findings.code, 'STATE_INVALID');
});

test('time that goes back, and effects that were not, are found at their state entry', async () => {
  for (const [member, change] of [
    ['time', { time: 1 }],
    ['effectsRoot', { effectsRoot: new Uint8Array(32) }],
    ['mapCount', { mapCount: 2 }],
  ] as const) {
    let at = -1;
    const storage = await rewritten(rows, (records) => {
      at = records.findIndex(({ isStateEntry }, i) => isStateEntry && i > 100);
      return replaced(records, at, (bytes) => encodeStateEntry({ ...decodeStateEntry(bytes), ...change }));
    });
    const found = where((await audit(storage)).findings.list);
    assert(found.includes(`state: state entry ${at}, ${member}`), `${member}: ${found}`);
  }
});

test('a logged statement whose signature does not verify, and a copy of an earlier one, are found', async () => {
  const isForeign = ({ isStateEntry }: LeafRecord, i: number) => !isStateEntry && i > 100;
  let at = -1;
  const unsigned = await rewritten(rows, (records) => {
    at = records.findIndex(isForeign);
    return replaced(records, at, (bytes) => flipped(bytes, bytes.length - 1));
  });
  const { findings } = await audit(unsigned);
  assert.equal(findings.code, 'SIGNATURE_INVALID');
  assert(where(findings.list).includes(`signature: entry ${at}`));
  const copied = await rewritten(rows, (records) => {
    at = records.findIndex(isForeign);
    return replaced(records, at + 200, () => records[at]!.bytes);
  });
  const twice = await audit(copied);
  assert.deepEqual(
    twice.findings.list
      .filter(({ check }) => check === 'entry')
      .map(({ at: place, found }) => [place, found]),
    [[`entry ${at + 200}`, `DUPLICATE: entry ${at}`]],
  );
});

test('a head that was seen elsewhere has to be one of this tree', async () => {
  const storage = await storageOf(rows);
  const root = decodeHead(rows.get(HEAD_KEY)!).root;
  const heads = [
    { name: 'kept', size, root },
    { name: 'later', size: size + 1, root },
    { name: 'other', size: 300, root },
    { name: 'genesis', size: 2, root: new Uint8Array(32) },
  ];
  const { findings } = await audit(storage, { hashesOnly: true, heads });
  assert.deepEqual(where(findings.list), ['checkpoint: later', 'checkpoint: other', 'checkpoint: genesis']);
  assert.equal(findings.code, 'FORK');
});
