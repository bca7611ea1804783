/** What becomes of those who are connected when a server ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { createHttpServer } from '../../src/http/index.ts';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { TestAuthority } from '../service/test-certificates.ts';

const authority = new TestAuthority();
const LARGE = 16 << 20;

/** An answer that is larger than what the system takes at once. */
function largeLedger(): FakeLedger {
  const ledger = new FakeLedger();
  ledger.tile = (async () => new Uint8Array(LARGE).fill(65)) as never;
  return ledger;
}

for (const tls of [undefined, authority.issue('server')]) {
  test(`an answer that is being read arrives whole${tls ? ', over TLS' : ''}`, async () => {
    const server = await createHttpServer({
      ledger: largeLedger(),
      limits: new Limits(),
      ...(tls && { tls }),
    });
    const port = await server.listen('127.0.0.1', 0);
    const socket: Socket = tls
      ? connectTls({ port, host: '127.0.0.1', ca: authority.cert, checkServerIdentity: () => undefined })
      : connect(port, '127.0.0.1');
    socket.write('GET /tile/0/000 HTTP/1.1\r\nhost: x\r\n\r\n');
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(socket, 'data');
    socket.pause();
    const closing = server.close(60_000);
    await delay(200);
    socket.resume();
    await once(socket, 'close');
    assert.ok(bytes > LARGE, `${bytes} of ${LARGE}`);
    await closing;
  });

  test(`a connection that says nothing does not hold it up${tls ? ', before its handshake' : ''}`, async () => {
    const server = await createHttpServer({
      ledger: largeLedger(),
      limits: new Limits(),
      ...(tls && { tls }),
    });
    const socket = connect(await server.listen('127.0.0.1', 0), '127.0.0.1');
    const closed = once(
      socket.resume().on('error', () => undefined),
      'close',
    );
    await once(socket, 'connect');
    await server.close(100);
    await closed;
  });
}

test('a request that comes while a server ends is refused with a reason code, behind the answer before it', async () => {
  for (const [path, type, format] of [
    ['/v1/statements', 'application/cose', 'application/problem+json'],
    ['/entries', 'application/cose', 'application/concise-problem-details+cbor'],
  ] as const) {
    const ledger = new FakeLedger();
    const server = await createHttpServer({ ledger, limits: new Limits() });
    const port = await server.listen('127.0.0.1', 0);
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    const send = (text: string) =>
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    send('slow one');
    send('two');
    while (ledger.callers.length < 1) await delay(5);
    const closing = server.close(60_000);
    await delay(20);
    send('three');
    await delay(50);
    ledger.release();
    await once(socket, 'close');
    const answers = text.split('HTTP/1.1 ').slice(1);
    assert.deepEqual(
      answers.map((answer) => answer.slice(0, 3)),
      ['201', '201', '503'],
    );
    assert.match(answers[2]!, /\r\naichain-code: LOG_CLOSING\r\n/);
    assert.match(answers[2]!, /\r\nretry-after: 5\r\n/);
    assert.ok(answers[2]!.includes(`content-type: ${format}`), answers[2]);
    assert.equal(ledger.statements.length, 2);
    await closing;
  }
});

test('an answer that never leaves, behind one that node gives by itself, keeps no process that ends', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const server = await createHttpServer({ ledger: new FakeLedger(), limits: new Limits() });
  const port = await server.listen('127.0.0.1', 0);
  const before = timers();
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  // A request without a host, and one more behind it.
  socket.write('GET / HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  assert.match(text, /^HTTP\/1\.1 400 /);
  await server.close(1000);
  assert.equal(timers(), before);
});
