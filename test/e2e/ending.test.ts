/** How a server ends, and that there is never a second one on the same data. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from '../../src/cli/exit-code.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { keyFolder } from '../../src/server/first-start.ts';
import { developmentSro } from '../../src/server/index.ts';
import { History } from './history.ts';
import { Connection, Crowd, Load } from './load.ts';
import { type ServerProcess, serveProcess } from './server-process.ts';

/** Milliseconds, on a machine that is busy with other tests; the log gives itself ten seconds to drain. */
const QUICK = 5000;

let folder: string;
const started: ServerProcess[] = [];
const serve = (name: string) => {
  const server = serveProcess(join(folder, name));
  started.push(server);
  return server;
};
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aichain-ending-'));
});
after(async () => {
  for (const server of started) await server.kill();
  await rm(folder, { recursive: true, force: true });
});

test('one process at a time: the second says why it does not start, the first goes on', async () => {
  const first = serve('data');
  const { http, origin } = await first.ready;
  const second = await serve('data').ended;
  assert.equal(second.code, EXIT.UNAVAILABLE, second.stderr);
  assert.match(second.stderr, /^aichain: LOG_LOCKED: another process has \S+ open\nhint: /m);
  const checkpoint = await (await fetch(`${http}/checkpoint`)).text();
  assert.ok(checkpoint.startsWith(`${origin}\n`));

  // A request that never ends holds the first up when it is told to go; told again, it goes at once.
  const socket = connect(Number(new URL(http).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('POST /entries HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/cose\r\n');
  socket.write('content-length: 1000\r\n\r\nthe rest of this never comes');
  await delay(200);
  first.signal('SIGTERM');
  await delay(500);
  const asked = performance.now();
  first.signal('SIGTERM');
  const { signal, stderr } = await first.ended;
  assert.ok(performance.now() - asked < QUICK, 'the second SIGTERM did not end it');
  assert.equal(signal, 'SIGTERM', stderr);
  socket.destroy();
});

test('SIGTERM under load: what was taken is answered, the rest refused, and the end is quick and in order', async () => {
  const server = serve('drained');
  const addresses = await server.ready;
  const history = new History();
  history.began(readFileSync(addresses.trust, 'utf8'));
  const load = new Load(history, Math.random);
  const connection = new Connection(addresses);
  const sro = () => developmentSro(crypto, keyFolder(join(folder, 'drained')));
  await load.settle(connection, sro);
  const crowd = new Crowd(load, history, connection, Math.random);
  await crowd.until(20);
  crowd.leave();
  const asked = performance.now();
  server.signal('SIGTERM');
  const { code, stderr } = await server.ended;
  assert.equal(code, 0, stderr);
  assert.ok(performance.now() - asked < QUICK, `it took ${performance.now() - asked} ms`);
  await crowd.left();
  connection.close();

  const again = serve('drained');
  const reopened = new Connection(await again.ready);
  await history.check(reopened.base, reopened.http);
  await load.settle(reopened, sro);
  assert.equal(load.figures.foundLogged, 0, 'a statement was logged, and its sender not told');
  reopened.close();
});
