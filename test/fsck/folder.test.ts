import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { rulesId } from '../../src/chain/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { auditInPlace, fsckFolder } from '../../src/fsck/index.ts';
import { EDGE_RANGE, HEAD_KEY, leavesKey } from '../../src/log/layout.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { openLevelStorage, WriteBatch } from '../../src/storage/index.ts';
import { flipped } from '../log/damaged-rows.ts';
import { honestRows } from './stored.ts';

const options = { crypto, auditors: auditInPlace(crypto), rules: rulesId(crypto) };
const folder = mkdtempSync(join(tmpdir(), 'aichain-fsck-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('files that cannot be read are named, with what the database says of them', async () => {
  const storage = await openLevelStorage(folder);
  const batch = new WriteBatch().put(HEAD_KEY, new Uint8Array(200));
  for (let i = 0; i < 200; i++) batch.put(Uint8Array.of(0x7a, i), new Uint8Array(2000).fill(i));
  await storage.write(batch);
  await storage.close();
  // The rows go from the journal into a table when it is opened again.
  await (await openLevelStorage(folder)).close();
  const table = join(folder, readdirSync(folder).find((name) => name.endsWith('.ldb'))!);
  const bytes = readFileSync(table);
  // All blocks of rows; their index, at the end, stays.
  writeFileSync(table, bytes.fill(0xff, 0, Math.floor(bytes.length / 2)));
  await assert.rejects(
    fsckFolder(folder, options),
    (error) => isLedgerError(error, 'STORAGE_FAILED') && /Corruption.*damaged.*mirror/s.test(error.message),
  );
});

test('rows that cannot be read are findings, and so is everything else that is wrong', async () => {
  const damaged = join(folder, 'damaged');
  const rows = await honestRows();
  // Something else, far behind: it is found although a bundle before it cannot be read.
  const [last, hash] = rows.slice(EDGE_RANGE).at(-1)!;
  rows.apply([{ type: 'put', key: last, value: flipped(hash, 0) }]);
  const storage = await openLevelStorage(damaged);
  const batch = new WriteBatch();
  for (const [key, value] of rows.slice({})) batch.put(key, value);
  await storage.write(batch);
  await storage.close();
  await (await openLevelStorage(damaged)).close();
  // In the middle of the second bundle, and as much as it takes until LevelDB cannot read it any more. Four bytes at a time: that
  // is the checksum behind a block, so what comes after it stays whole.
  const [key, bundle] = rows.slice({ gte: leavesKey(256), limit: 1 })[0]!;
  const table = join(damaged, readdirSync(damaged).find((name) => name.endsWith('.ldb'))!);
  const bytes = readFileSync(table);
  // Behind the first bundle: what all statements have lies there as well, in the block of the head.
  const [, before] = rows.slice({ gte: leavesKey(0), limit: 1 })[0]!;
  const place = placeOf(bytes, bundle, bundle.length >> 1, placeOf(bytes, before, before.length - 24));
  for (let length = 24; await isReadable(damaged, key); length += 4) {
    writeFileSync(table, bytes.fill(0xff, place, place + length));
  }
  for (const hashesOnly of [true, false]) {
    const { findings } = await fsckFolder(damaged, { ...options, hashesOnly });
    assert.equal(findings.code, 'STORAGE_FAILED');
    const [first] = findings.list;
    assert.equal(first!.at, 'first row of leaves from 1 on');
    assert.match(first!.found, /Corruption/);
    assert.ok(findings.list.some(({ at, found }) => at === 'leaves 256 to 511' && found === 'nothing'));
    assert.ok(findings.list.every(({ check }) => check !== 'signature'));
  }
});

/** Where some part of `content`, from `from` on, lies in a table: signatures are there as they were, compressed or not. */
test('a journal that ends within a write is a finding: nobody can tell whether that was acknowledged', async () => {
  const torn = join(folder, 'torn');
  const batch = new WriteBatch();
  for (const [key, value] of (await honestRows()).slice({})) batch.put(key, value);
  const storage = await openLevelStorage(torn);
  await storage.write(batch);
  await storage.write(new WriteBatch().put(Uint8Array.of(0x7a), new Uint8Array(10)));
  await storage.close();
  const journal = join(torn, readdirSync(torn).find((name) => name.endsWith('.log'))!);
  truncateSync(journal, statSync(journal).size - 1);
  const { findings } = await fsckFolder(torn, options);
  assert.deepEqual([findings.code, findings.total], ['STORAGE_FAILED', 1]);
  assert.match(findings.list[0]!.at, /^journal \d+\.log, byte \d+$/);
});

function placeOf(table: Buffer, content: Uint8Array, from: number, behind = 0): number {
  for (let at = from; at + 24 <= content.length; at++) {
    const place = table.indexOf(content.subarray(at, at + 24), behind);
    if (place >= 0) return place;
  }
  throw new Error('it is not there');
}

async function isReadable(path: string, key: Uint8Array): Promise<boolean> {
  const storage = await openLevelStorage(path);
  try {
    await storage.get(key);
    return true;
  } catch (error) {
    assert.ok(isLedgerError(error, 'STORAGE_FAILED'));
    return false;
  } finally {
    await storage.close();
  }
}
