import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLedgerError } from '../../src/core/errors.ts';
import { encodePrivateKey } from '../../src/cose/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { startServer } from '../../src/server/index.ts';
import { writeSecret } from '../../src/server/key-files.ts';

test('key files that are not those of the genesis are refused at start', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'aichain-keys-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const flags = { dataDir, httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
  const start = () => startServer(loadConfig({ flags, env: {} }), createLogger({ level: 'silent' }));
  await (await start()).close();
  const receipt = join(dataDir, 'keys', 'receipt.cosekey');
  rmSync(receipt);
  writeSecret(receipt, encodePrivateKey(nodeCrypto.generatePrivateKey('ES256')));
  await assert.rejects(start(), (error) => isLedgerError(error, 'CONFIG_INVALID'));
});
