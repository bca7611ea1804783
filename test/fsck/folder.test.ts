import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { rulesId } from '../../src/chain/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { auditInPlace, fsckFolder } from '../../src/fsck/index.ts';
import { HEAD_KEY } from '../../src/log/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { openLevelStorage, WriteBatch } from '../../src/storage/index.ts';

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
  const options = { crypto, auditors: auditInPlace(crypto), rules: rulesId(crypto) };
  await assert.rejects(
    fsckFolder(folder, options),
    (error) => isLedgerError(error, 'STORAGE_FAILED') && /Corruption.*damaged.*mirror/s.test(error.message),
  );
});
