import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { forgetOnceClosed } from '../../src/grpc/closed-call.ts';

test('what reads from a stream is let go once that has closed, and what was said of it is still heard', async () => {
  const stream = new PassThrough();
  let closed = 0;
  stream.on('data', () => {});
  stream.on('end', () => {});
  stream.once('close', () => closed++);
  forgetOnceClosed({ stream } as unknown as ServerInterceptingCallInterface);
  stream.once('close', () => closed++);
  stream.write('something');
  const reading = ['data', 'end'];
  assert.deepEqual(
    reading.map((event) => stream.listenerCount(event) > 0),
    [true, true],
  );
  stream.destroy();
  await once(stream, 'close');
  assert.equal(closed, 2);
  assert.deepEqual(
    reading.map((event) => stream.listenerCount(event)),
    [0, 0],
  );
});
