/** A first start that was killed on its way: whatever it left behind, the next one goes on from there. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { POLICY, rulesId } from '../../src/chain/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { TransparencyLog, workerThreads } from '../../src/log/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createFile, makeFolder } from '../../src/platform/write-file.ts';
import { developmentGenesis, keyFolder, logKeys, storageFolder } from '../../src/server/first-start.ts';
import { startServer } from '../../src/server/index.ts';
import { makeKeyFiles, readKeyFiles, writeSecret } from '../../src/server/key-files.ts';
import { openLevelStorage } from '../../src/storage/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'aichain-first-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('killed between the two keys: the first is kept, the second made', () => {
  const keys = join(folder, 'keys');
  makeKeyFiles(nodeCrypto, keys);
  const checkpoint = readFileSync(join(keys, 'checkpoint.skey'), 'utf8');
  const receipt = readFileSync(join(keys, 'receipt.cosekey'));
  rmSync(join(keys, 'receipt.cosekey'));
  makeKeyFiles(nodeCrypto, keys);
  assert.equal(readFileSync(join(keys, 'checkpoint.skey'), 'utf8'), checkpoint);
  assert.notDeepEqual(readFileSync(join(keys, 'receipt.cosekey')), receipt);
  assert.ok(checkpoint.includes(readKeyFiles(nodeCrypto, keys).origin));
});

test('killed between the genesis and the first policy: the policy is published by the next start', async () => {
  const dataDir = join(folder, 'data');
  const keys = logKeys(nodeCrypto, dataDir, undefined);
  const log = await TransparencyLog.open({
    crypto: nodeCrypto,
    origin: keys.origin,
    rules: rulesId(nodeCrypto),
    keys: keys.log,
    openStorage: () => openLevelStorage(storageFolder(dataDir)),
    limits: { maxQueued: 10, maxQueuedBytes: 2 ** 20, maxStatementBytes: 2 ** 20 },
    verifier: workerThreads(1),
    maxBatch: 10,
  });
  await log.initialise(developmentGenesis(nodeCrypto, dataDir, keys, Date.now()));
  await log.close();
  const flags = { dataDir, httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
  for (const size of [4, 4]) {
    const server = await startServer(loadConfig({ flags, env: {} }), createLogger({ level: 'silent' }));
    assert.equal(server.ledger.head().size, size);
    const { facts } = await server.ledger.facts([POLICY.key()]);
    assert.ok(facts[0]!.value);
    await server.close();
  }
  assert.ok(existsSync(keyFolder(dataDir)));
});

test('a log that was shown to somebody does not begin again when its storage is lost', async () => {
  const dataDir = join(folder, 'lost');
  const flags = { dataDir, httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
  // The mark was begun with the log, and its disk is not there any more.
  const highWaterFile = join(folder, 'mark');
  const start = () =>
    startServer(
      loadConfig({ flags: { ...flags, highWaterFile }, env: {} }),
      createLogger({ level: 'silent' }),
    );
  await (await start()).close();
  const trust = readFileSync(join(dataDir, 'trust.json'), 'utf8');
  rmSync(storageFolder(dataDir), { recursive: true });
  rmSync(highWaterFile);
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(
      start(),
      (error) => isLedgerError(error, 'LOG_CORRUPT') && /mirror/.test(error.message),
    );
  }
  assert.equal(readFileSync(join(dataDir, 'trust.json'), 'utf8'), trust);
  assert.ok(!existsSync(highWaterFile));
});

test('keys that lie in a folder alone do not begin a log', async () => {
  const dataDir = join(folder, 'keys-only');
  makeKeyFiles(nodeCrypto, keyFolder(dataDir), 'log.example/1');
  const flags = { dataDir, httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
  const start = () => startServer(loadConfig({ flags, env: {} }), createLogger({ level: 'silent' }));
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(
      start(),
      (error) => isLedgerError(error, 'CONFIG_INVALID') && /restore/.test(error.message),
    );
  }
  assert.ok(!existsSync(join(dataDir, 'trust.json')));
});

test('a secret is there as a whole or not at all, readable by its owner only, and never replaced', () => {
  const path = join(folder, 'secret');
  // What a process that had the same number left behind when it was killed.
  writeFileSync(`${path}.${process.pid}.tmp`, 'half of a ke', { mode: 0o644 });
  writeSecret(path, 'the whole key');
  assert.equal(readFileSync(path, 'utf8'), 'the whole key');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('secret')),
    ['secret'],
  );
  assert.throws(
    () => writeSecret(path, 'another key'),
    (error) => isLedgerError(error, 'CONFIG_INVALID'),
  );
  assert.throws(() => createFile(path, 'another key', 0o600), { code: 'EEXIST' });
  assert.equal(readFileSync(path, 'utf8'), 'the whole key');
});

test('folders are made for the owner only', () => {
  makeFolder(join(folder, 'a', 'b'));
  makeFolder(join(folder, 'a', 'b'));
  assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700);
});
