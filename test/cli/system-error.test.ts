/** What the operating system refuses is said in words, with an exit code for a caller's mistake, not a stack. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { systemReason } from '../../src/cli/system-error.ts';
import { openLevelStorage } from '../../src/storage/index.ts';
import { aichain } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const QUIET = ['--log-level', 'silent', '--disk-floor-bytes', '0', '--workers', '1'];

test('a key file that is there, or cannot be there', async () => {
  const file = path('a.key');
  assert.equal((await aichain(['keygen', '--out', file])).code, 0);
  const again = await aichain(['keygen', '--out', file]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /a\.key: it is there already\nhint: .*another file/);
  const nowhere = await aichain(['keygen', '--out', path('none/a.key')]);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /a\.key: there is no such file\n/);
});

test('a data folder that is a file', async () => {
  await aichain(['keygen', '--out', path('file')]);
  const ports = ['--http-port', '0', '--grpc-port', '0'];
  const served = await aichain(['serve', '--data-dir', path('file'), ...ports, ...QUIET]);
  assert.equal(served.code, 2, served.stderr);
  assert.match(served.stderr, /^aichain: ARGUMENT_INVALID: .*: a part of the path is a file\nhint: /);
});

test('a port that is taken, of HTTP or of gRPC, in our own words only', async (t) => {
  const noise = t.mock.method(console, 'error', () => {});
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  try {
    for (const [taken, free] of [
      ['--http-port', '--grpc-port'],
      ['--grpc-port', '--http-port'],
    ] as const) {
      const ports = [taken, String(port), free, '0'];
      const served = await aichain(['serve', '--data-dir', path('log'), ...ports, ...QUIET]);
      assert.equal(served.code, 4, served.stderr);
      assert.match(served.stderr, /UNAVAILABLE: cannot listen on 127\.0\.0\.1:\d+: another process listens/);
      assert.match(served.stderr, /hint: .*another port/);
    }
    assert.equal(noise.mock.callCount(), 0);
  } finally {
    other.close();
  }
});

test('a database that cannot be opened says why', async () => {
  const storage = await openLevelStorage(path('database'));
  await storage.close();
  rmSync(path('database/LOCK'), { force: true });
  mkdirSync(path('database/LOCK'));
  await assert.rejects(openLevelStorage(path('database')), (error: Error) => {
    assert.match(String(systemReason(error.cause)), /^IO error: .*LOCK: Is a directory$/);
    return true;
  });
});

test('other errors have no system reason', () => {
  assert.equal(systemReason(new Error('no')), undefined);
  assert.equal(systemReason(Object.assign(new Error('no'), { code: 'SIGNATURE_INVALID' })), undefined);
  assert.equal(systemReason(undefined), undefined);
  assert.equal(systemReason(Object.assign(new Error('no'), { code: 'EMFILE' })), 'EMFILE');
});
