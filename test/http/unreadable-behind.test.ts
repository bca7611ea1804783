/** What cannot be read behind a request that is under way: that one gets its own answer, whole, and the connection ends behind it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createHttpServer } from '../../src/http/index.ts';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';

const post = (text: string, more = '') =>
  `POST /v1/statements HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\n${more}content-length: ${text.length}\r\n\r\n${text}`;
const GARBAGE = 'GARBAGE\r\n\r\n';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function begun() {
  const ledger = new FakeLedger();
  const server = await createHttpServer({ ledger, limits: new Limits({ deadline: 5000 }) });
  const port = await server.listen('127.0.0.1', 0);
  ends.push(() => server.close(200));
  const socket: Socket = connect(port, '127.0.0.1');
  let text = '';
  socket
    .setEncoding('latin1')
    .on('data', (chunk) => {
      text += chunk;
    })
    .on('error', () => undefined);
  const closed = once(socket, 'close');
  const answers = async () => {
    await closed;
    return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  };
  const called = async (count: number) => {
    while (ledger.callers.length < count) await delay(5);
  };
  return { ledger, socket, answers, called, text: () => text };
}

test('garbage behind a registration', async () => {
  const { ledger, socket, answers, called } = await begun();
  socket.write(post('slow one'));
  await called(1);
  socket.write(GARBAGE + GARBAGE);
  await delay(50);
  socket.write(GARBAGE);
  await delay(50);
  ledger.release();
  assert.deepEqual([await answers(), ledger.statements.length], [[201], 1]);
});

for (const [what, bytes] of [
  ['garbage', GARBAGE],
  ['a method that there is not', 'FETCH / HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['headers without end', `GET / HTTP/1.1\r\nhost: x\r\nmuch: ${'x'.repeat(20_000)}\r\n\r\n`],
  [
    'a body that cannot be read',
    `${post('').split('content-length')[0]}transfer-encoding: chunked\r\n\r\nzz\r\n`,
  ],
] as const) {
  test(`${what} behind requests that wait for their turn: each is carried out, and answered`, async () => {
    const { ledger, socket, answers, called } = await begun();
    socket.write(post('slow one'));
    await called(1);
    socket.write(post('two') + post('three') + bytes);
    await delay(50);
    ledger.release();
    assert.deepEqual([await answers(), ledger.statements.length], [[201, 201, 201], 3]);
  });
}

test('garbage in one packet with a registration', async () => {
  const { ledger, socket, answers } = await begun();
  socket.write(post('quick') + GARBAGE);
  assert.deepEqual([await answers(), ledger.statements.length], [[201], 1]);
});

test('garbage behind requests whose paths cannot be read: each is answered first', async () => {
  for (const before of ['', post('quick')]) {
    const { socket, answers } = await begun();
    socket.write(before + 'GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(5) + GARBAGE);
    assert.deepEqual(await answers(), [...(before ? [201] : []), 400, 400, 400, 400, 400]);
  }
});

test('another request behind one that was to be the last', async () => {
  const { ledger, socket, answers, called } = await begun();
  socket.write(post('slow two', 'connection: close\r\n'));
  await called(1);
  socket.write(post('three'));
  await delay(50);
  ledger.release();
  assert.deepEqual([await answers(), ledger.statements.length], [[201], 1]);
});

test('garbage behind an answer that is being sent', async () => {
  const { ledger, socket, answers, text } = await begun();
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  ledger.tile = (async () =>
    (async function* () {
      yield new Uint8Array(100).fill(65);
      await gate;
      yield new Uint8Array(100).fill(66);
    })()) as never;
  socket.write('GET /tile/statements/000 HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'data');
  socket.write(GARBAGE);
  await delay(50);
  go();
  assert.deepEqual(await answers(), [200]);
  assert.match(text(), /A{100}\r\n64\r\nB{100}\r\n0\r\n\r\n$/);
});

test('a body that cannot be read is told to be one', async () => {
  const { ledger, socket, answers } = await begun();
  const head = 'POST /v1/statements HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\n';
  socket.write(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`);
  assert.deepEqual([await answers(), ledger.statements.length], [[400], 0]);
});
