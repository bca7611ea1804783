/** A mirror with its folder and its worker threads, as the command makes it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLedgerError } from '../../src/core/errors.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { copyOnce } from '../../src/server/mirror.ts';
import { verifyMisbehaviour } from '../../src/verify/index.ts';
import { serve } from '../client/served.ts';
import { SmallLog } from '../verify/small-log.ts';

test('a folder holds the copy, the newest checkpoint, and the evidence of a fork', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-mirror-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { log, member } = SmallLog.begin(crypto);
  for (let i = 0; i < 5; i++) log.commit(log.statement(member, `statement ${i}`));
  const served = await serve(log);
  t.after(() => served.close());
  const dataDir = join(folder, 'copy');
  const config = loadConfig({ flags: { dataDir, workers: '1' }, env: {} });
  const trust = log.trust();
  const mirrored = { ...config, url: `http://127.0.0.1:${served.ports.http}`, trust };
  const once = () => copyOnce(mirrored, createLogger({ level: 'silent' }), new AbortController().signal);

  assert.equal(await once(), log.size);
  assert.equal(readFileSync(join(dataDir, 'cosigned.checkpoint'), 'utf8'), log.head().checkpoint);

  const view = log.fork();
  view.leaves.splice(log.size - 2, 2);
  view.commit(log.statement(member, 'another'));
  served.ledger = view;
  for (let start = 0; start < 2; start++) {
    await assert.rejects(once(), (error) => isLedgerError(error, 'FORK') && error.message.includes(dataDir));
  }
  const kept = readdirSync(join(dataDir, 'misbehaviour'));
  assert.equal(kept.length, 2, `once, however often it is found: ${kept}`);
  const file = readFileSync(
    join(dataDir, 'misbehaviour', kept.find((name) => name.endsWith('.misbehaviour'))!),
  );
  assert.ok(verifyMisbehaviour({ crypto, trust, file: new Uint8Array(file) }).verified);

  mkdirSync(join(dataDir, 'keys'));
  await assert.rejects(once(), (error) => isLedgerError(error, 'CONFIG_INVALID'));
});
