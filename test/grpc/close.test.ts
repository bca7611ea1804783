import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceError } from '@grpc/grpc-js';
import { createGrpcServer } from '../../src/grpc/index.ts';
import { aichain } from '../../src/proto/aichain.js';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { describe, RawClient } from './raw-client.ts';

const { RegisterStreamRequest, RegisterStreamResponse } = aichain.v1;

test('closing: what is in flight is answered, then streams end with LOG_CLOSING', async () => {
  const ledger = new FakeLedger();
  const server = createGrpcServer({ ledger, limits: new Limits() });
  const client = new RawClient(`127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  const ended = (stream: NodeJS.EventEmitter) =>
    new Promise<ReturnType<typeof describe>>((resolve) =>
      stream.on('error', (error: ServiceError) => resolve(describe(error))),
    );

  const follow = client.serverStream('/aichain.v1.LogService/Follow', new Uint8Array());
  const following = new Promise((resolve) => follow.once('data', resolve));
  const stream = client.duplex('/aichain.v1.RegistrationService/RegisterStream');
  const statements = [new TextEncoder().encode('slow one')];
  stream.write(Buffer.from(RegisterStreamRequest.encode({ batchId: 5, statements }).finish()));
  const answered = new Promise<Buffer>((resolve) => stream.once('data', resolve));
  const ends = [ended(follow), ended(stream)];
  await following;
  while (ledger.released.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));

  const closed = server.close(5000);
  assert.equal((await ends[0])?.code, 'LOG_CLOSING');
  assert.equal(ledger.callers[0]?.signal?.aborted, false);
  ledger.release();
  const { batchId, results } = RegisterStreamResponse.decode(await answered);
  assert.equal(batchId, 5);
  assert.equal(results[0]?.registration?.index, 0);
  assert.deepEqual(await ends[1], { status: 14, code: 'LOG_CLOSING', retry: 1 });
  client.close();
  await closed;
  assert.equal(ledger.followers, 0);
});

test('closing: after the grace, what does not end is cut', async () => {
  const ledger = new FakeLedger();
  const server = createGrpcServer({ ledger, limits: new Limits() });
  const client = new RawClient(`127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  const statement = new TextEncoder().encode('slow for ever');
  const call = client.unary(
    '/aichain.v1.RegistrationService/Register',
    aichain.v1.RegisterRequest.encode({ statement }).finish(),
  );
  call.catch(() => {});
  while (ledger.released.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await server.close(50);
  await assert.rejects(call);
  client.close();
});
