/**
 * The drill of docs/guides/disaster-recovery.md, with real processes: a log that is registered to all the time is backed up,
 * killed, and its folder is lost. What comes back is the log as everybody has seen it, or it is refused.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { keyFolder } from '../../src/server/first-start.ts';
import { developmentSro } from '../../src/server/index.ts';
import { aichain, aichainJson } from '../cli/fake-terminal.ts';
import { testFolder } from '../cli/folder.ts';
import { History } from './history.ts';
import { randomFrom } from './kill.ts';
import { Connection, Crowd, Load } from './load.ts';
import { serveProcess } from './server-process.ts';

const path = testFolder();
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A command as a process of its own. */
// biome-ignore lint/suspicious/noExplicitAny: an answer of a command.
async function commandProcess(args: readonly string[]): Promise<any> {
  const env = { PATH: process.env.PATH };
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args, '-o', 'json'], { env });
  return JSON.parse(stdout);
}

test('a log is lost, and comes back as it was published, or not at all', { timeout: 120_000 }, async (t) => {
  const data = path('data');
  const mark = ['--high-water-file', path('other-disk-mark')];
  const back = ['--data-dir', data, '--keys', path('keys'), ...mark];
  const history = new History();
  const random = randomFrom(Number(process.env.DRILL_SEED ?? Date.now() % 2 ** 31));
  const load = new Load(history, random);

  const server = serveProcess(data, { flags: mark });
  const addresses = await server.ready;
  history.began(readFileSync(addresses.trust, 'utf8'));
  const connection = new Connection(addresses);
  load.prepare();
  await load.settle(connection, () => developmentSro(crypto, keyFolder(data)));

  // A backup of a server that is busy.
  const crowd = new Crowd(load, history, connection, random);
  await crowd.until(4);
  const toFiles = ['--to', path('early'), '--keys-to', path('keys')];
  const early = await aichainJson(['backup', '--data-dir', data, ...toFiles]);
  assert.equal(early.online, true);
  const before = crowd.answered;
  await crowd.until(before + 4);

  // The machine dies amid the load, and its disk with it.
  crowd.leave();
  await server.kill();
  await crowd.left();
  connection.close();
  const { acknowledged } = history.figures;
  // The newest backup there can be: what the disk held when the machine died.
  const late = await aichainJson(['backup', '--data-dir', data, '--to', path('late')]);
  assert.equal(late.online, false);
  assert.ok(late.size > early.size);
  rmSync(data, { recursive: true });

  // The older backup is whole, and refused: entries that somebody holds receipts for are not in it.
  const old = await aichain(['restore', path('early'), ...back]);
  assert.match(old.stderr, /aichain: STALE: the backup has \d+ leaves, and a tree of \d+ .*mirror/);
  assert.equal(old.code, 15);
  assert.equal(existsSync(data), false);

  // Put back past the command, without the mark at hand, it does not start either.
  const forced = await aichain(['restore', path('early'), '--data-dir', data, '--keys', path('keys')]);
  assert.equal(forced.code, 0, forced.stderr);
  const refused = serveProcess(data, { flags: mark });
  await assert.rejects(
    refused.ready,
    /LOG_CORRUPT: a tree of \d+ of this log was published.*put the newer data back/,
  );
  rmSync(data, { recursive: true });

  // The newest is taken, and holds every entry that was acknowledged and every tree that was signed.
  const newest = await commandProcess(['restore', path('late'), ...back]);
  assert.equal(newest.digest, late.digest);
  const again = serveProcess(data, { flags: mark });
  const restored = new Connection(await again.ready);
  history.began(readFileSync((await again.ready).trust, 'utf8'));
  await history.check(restored.base, restored.http);
  // And it takes what was left without an answer.
  await load.settle(restored, () => developmentSro(crypto, keyFolder(data)));
  restored.close();
  again.signal('SIGTERM');
  assert.equal((await again.ended).code, 0);
  t.diagnostic(
    `${acknowledged} acknowledged, ${early.size} in the older backup, ${newest.size} in the newest`,
  );
  assert.ok(acknowledged > 50);
});
