/** Tiles from servers that mean no good: whatever they answer, it is bounded, and is no more than a refusal. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { HttpTiles } from '../../src/client/http-tiles.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function served(answer: (request: IncomingMessage, response: ServerResponse) => void, retries = 0) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return new HttpTiles(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { retries });
}

/** As much as is taken, and for ever. @returns how much that was */
function endless(response: ServerResponse): () => number {
  let sent = 0;
  const chunk = Buffer.alloc(1 << 16);
  const more = () => {
    do sent += chunk.length;
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
  return () => sent;
}

test('an answer without an end is cut off where a tile would end', async () => {
  const tiles = await served((_, response) => void endless(response));
  for (const path of ['checkpoint', 'tile/0/000', 'tile/1/000.p/3']) {
    const asked = path === 'checkpoint' ? tiles.checkpoint() : tiles.tile(path);
    await assert.rejects(asked, { code: 'RESPONSE_MALFORMED' });
  }
});

test('a refusal without an end is a refusal, and not read to where the largest tile would end', async () => {
  let sent = () => 0;
  const tiles = await served((_, response) => {
    response.statusCode = 500;
    sent = endless(response);
  });
  await assert.rejects(tiles.tile('tile/statements/000'), { code: 'UNAVAILABLE' });
  assert.ok(sent() < 32 << 20, String(sent()));
});

test('redirects are not followed', async () => {
  let asked = 0;
  const tiles = await served((request, response) => {
    asked += 1;
    response.writeHead(302, { location: `${request.url}/on` }).end();
  });
  await assert.rejects(tiles.tile('tile/0/000'), { code: 'RESPONSE_MALFORMED' });
  assert.equal(asked, 1);
});

test('a log that no witness has cosigned yet is not asked again: its replayer has to go on', async () => {
  const codes = ['NOT_WITNESSED', 'UNAVAILABLE'];
  const asked: string[] = [];
  const tiles = await served((request, response) => {
    const code = codes[asked.push(request.url ?? '') - 1] ?? 'NOT_WITNESSED';
    response.writeHead(503, { 'aichain-code': code }).end();
  }, 2);
  await assert.rejects(tiles.checkpoint(), { code: 'NOT_WITNESSED' });
  assert.deepEqual(asked, ['/checkpoint']);
  // What may pass is.
  await assert.rejects(tiles.tile('tile/0/000'), { code: 'NOT_WITNESSED' });
  assert.equal(asked.length, 3);
});

test('a newest head that is no JSON, or has no checkpoint, is no answer of a log', async () => {
  for (const body of ['null', '[]', '{', '{"checkpoint":1}', '\xff']) {
    const tiles = await served((_, response) => response.end(body));
    await assert.rejects(tiles.head(), { code: 'RESPONSE_MALFORMED' });
  }
});

test('many answers are waited for at once without a warning of a leak', async () => {
  const warned: string[] = [];
  const note = ({ message }: Error) => void warned.push(message);
  process.on('warning', note);
  const stop = new AbortController();
  const server = createServer((_, response) => setTimeout(() => response.end('x'), 50)).listen(
    0,
    '127.0.0.1',
  );
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tiles = new HttpTiles(url, { signal: stop.signal });
  await Promise.all(Array.from({ length: 24 }, () => tiles.tile('tile/0/000')));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  assert.deepEqual(warned, []);
});
