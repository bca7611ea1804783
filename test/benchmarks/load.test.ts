import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { LoadStream } from '../../benchmarks/load.ts';

test('a load stream whose server is gone refuses what is sent then, as it does what waits', {
  timeout: 10_000,
}, async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stream = new LoadStream(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    for (let sends = 0; sends < 2; sends++) await assert.rejects(stream.send([new Uint8Array(1)]));
  } finally {
    stream.close();
    server.close();
  }
});
