/** The command, as a process of its own beside that of its log. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ServedLog, serveLog } from '../e2e/served-log.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

describe('aichain mirror', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-mirror-'));
  const copy = join(folder, 'copy');
  let log: ServedLog;
  const start = (...flags: string[]) => {
    const args = [
      'mirror',
      '--url',
      log.http,
      '--trust',
      log.trust,
      '--data-dir',
      copy,
      '-o',
      'json',
      ...flags,
    ];
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    after(() => child.kill('SIGKILL'));
    const ended = once(child, 'exit').then(([code]) => code as number | null);
    return { child, ended };
  };
  before(async () => {
    log = await serveLog();
  });
  after(async () => {
    if (log.running()) await log.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('serves, ends when it is told to, and seeds the log', async () => {
    const { child, ended } = start('--http-port', '0', '--grpc-port', '0');
    const [line] = await once(child.stdout, 'data');
    const { http, origin } = JSON.parse(String(line));
    assert.equal(origin, log.origin);
    const checkpoint = await (await fetch(`${log.http}/checkpoint`)).text();
    assert.equal(await (await fetch(`${http}/checkpoint`)).text(), checkpoint);
    child.kill('SIGTERM');
    assert.equal(await ended, 0);

    const { dataDir } = log;
    await log.end('SIGTERM');
    // The log has lost its folder, and has its keys.
    rmSync(join(dataDir, 'db'), { recursive: true });
    cpSync(join(dataDir, 'keys'), join(copy, 'keys'), { recursive: true });
    log = await serveLog({ dataDir: copy });
    assert.equal(await (await fetch(`${log.http}/checkpoint`)).text(), checkpoint);
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('ends well when it is told to before there is anything to serve', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const asked = once(silent, 'request');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { child, ended } = start('--data-dir', join(folder, 'nothing'), '--url', url);
    await asked;
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    silent.close().closeAllConnections();
  });
});
