/** Who ends its side of the connection has sent all it will, and is owed its answers: its statement may have been logged. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createHttpServer } from '../../src/http/index.ts';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';

const post = (text: string) =>
  `POST /v1/statements HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\ncontent-length: ${text.length}\r\n\r\n${text}`;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Sends all of it, ends its side, and reads until the server has ended the other. */
async function halfClosed(sent: string, deadline = 5000) {
  const ledger = new FakeLedger();
  const server = await createHttpServer({ ledger, limits: new Limits({ deadline }) });
  const port = await server.listen('127.0.0.1', 0);
  ends.push(() => server.close(200));
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  const ended = once(socket, 'end');
  socket.end(sent);
  return {
    ledger,
    async answers() {
      await ended;
      socket.destroy();
      return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    },
  };
}

test('a registration that waits is answered, and the connection ends behind it', async () => {
  const { ledger, answers } = await halfClosed(post('slow one'));
  while (ledger.callers.length < 1) await delay(5);
  await delay(50);
  ledger.release();
  assert.deepEqual([await answers(), ledger.statements.length], [[201], 1]);
});

test('so are those that wait for their turn', async () => {
  const { ledger, answers } = await halfClosed(post('slow one') + post('two') + post('three'));
  while (ledger.callers.length < 1) await delay(5);
  await delay(50);
  ledger.release();
  assert.deepEqual([await answers(), ledger.statements.length], [[201, 201, 201], 3]);
});

test('a deadline ends the wait of who may be gone', async () => {
  const { ledger, answers } = await halfClosed(post('slow one'), 300);
  assert.deepEqual([await answers(), ledger.statements.length], [[503], 0]);
});

test('a request that is cut off is refused, and what was whole before it is answered', async () => {
  const cut = post('cut off').slice(0, -3);
  assert.equal((await (await halfClosed(post('one') + cut)).answers())[0], 201);
  const { ledger, answers } = await halfClosed(cut);
  assert.deepEqual([await answers(), ledger.statements.length], [[400], 0]);
});

test('a connection on which nothing was asked ends', async () => {
  assert.deepEqual(await (await halfClosed('')).answers(), []);
});
