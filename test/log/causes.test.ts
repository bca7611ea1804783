/** What an operator reads when a write or a reload fails: the system's own reason, not only "cannot be opened". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../../src/core/errors.ts';
import { withCauses } from '../../src/log/causes.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { GENESIS, options, policy } from './world.ts';

const FULL = new Error('IO error: No space left on device');

test('an error, and what led to it', () => {
  assert.equal(withCauses(fail('STORAGE_FAILED', 'a')), 'a');
  assert.equal(withCauses(fail('STORAGE_FAILED', 'a', { cause: FULL })), `a: ${FULL.message}`);
  assert.equal(withCauses('no error'), 'no error');
  const endless = new Error('again');
  endless.cause = endless;
  assert.equal(withCauses(endless), Array(5).fill('again').join(': '));
});

test('a full disk is named when a commit fails, and again when the reload does', async () => {
  const said: string[] = [];
  const storage = memoryStorage();
  let full = false;
  let opened = 0;
  const failed = (message: string) => fail('STORAGE_FAILED', message, { cause: FULL });
  const log = await TransparencyLog.open(
    options({
      openStorage: async () => {
        if (++opened === 2) throw failed('cannot be opened');
        const { write } = storage;
        return {
          ...storage,
          write: async (...args) => {
            if (full) throw failed('a write failed');
            await write(...args);
          },
          close: async () => {},
        };
      },
      observe: { event: (_level, message, details) => said.push(`${message}: ${details.message}`) },
    }),
  );
  await log.initialise(GENESIS);
  full = true;
  await assert.rejects(log.submit(policy(1)), { code: 'LOG_RECOVERING' });
  full = false;
  while (!log.status.accepting) await delay(10);
  assert.ok(said.includes(`commit failed, reloading: a write failed: ${FULL.message}`), said.join());
  assert.ok(said.includes(`reload failed, trying again: cannot be opened: ${FULL.message}`), said.join());
  await log.close();
});
