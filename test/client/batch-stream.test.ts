import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { LedgerClient } from '../../src/client/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { aichain } from '../../src/proto/aichain.js';
import type { Member } from '../chain/world.ts';
import { SmallLog } from '../verify/small-log.ts';

const v1 = aichain.v1;
type Stream = ServerDuplexStream<Buffer, Buffer>;
type Batch = aichain.v1.RegisterStreamRequest;

/** What the stream does with the n-th batch that it gets, counted over all connections. */
type Behaviour = (stream: Stream, batch: Batch, n: number) => void | Promise<void>;

describe('the stream of batches', () => {
  const { log, member }: { log: SmallLog; member: Member } = SmallLog.begin(crypto);
  const server = new Server();
  let client: LedgerClient;
  let behaviour: Behaviour;
  let batches = 0;
  let streams = 0;

  const answer = async (stream: Stream, { batchId, statements }: Batch) => {
    const outcomes = await log.registerBatch(statements);
    const results = outcomes.map((outcome) =>
      outcome instanceof Error
        ? { failure: { code: outcome.code, message: outcome.message } }
        : { registration: outcome },
    );
    stream.write(Buffer.from(v1.RegisterStreamResponse.encode({ batchId, results }).finish()));
  };
  const raw = (bytes: Buffer) => bytes;
  const method = (path: string, requestStream: boolean) => ({
    path,
    requestStream,
    responseStream: requestStream,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  });

  before(async () => {
    server.addService(
      {
        RegisterStream: method('/aichain.v1.RegistrationService/RegisterStream', true),
        GetConsistency: method('/aichain.v1.LogService/GetConsistency', false),
      },
      {
        RegisterStream(stream: Stream) {
          streams++;
          stream.on('data', (bytes: Buffer) => {
            void behaviour(stream, v1.RegisterStreamRequest.decode(new Uint8Array(bytes)), batches++);
          });
          stream.on('end', () => stream.end());
          stream.on('error', () => {});
        },
        async GetConsistency(call: { request: Buffer }, respond: (error: null, bytes: Buffer) => void) {
          const { from, to } = v1.GetConsistencyRequest.decode(new Uint8Array(call.request));
          const { path } = await log.consistency(from, to ?? undefined);
          respond(null, Buffer.from(v1.GetConsistencyResponse.encode({ from, path: [...path] }).finish()));
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    client = await LedgerClient.connect({
      grpc: `127.0.0.1:${port}`,
      trust: log.trust(),
      deadlineMs: 20_000,
    });
  });
  beforeEach(() => {
    batches = 0;
    streams = 0;
  });
  after(() => {
    client.close();
    server.forceShutdown();
  });

  let serial = 0;
  const statements = (count: number) =>
    Array.from({ length: count }, () => log.statement(member, `s ${serial++}`));
  const codes = async (count: number) => {
    const all: string[] = [];
    for await (const outcome of client.registerAll(statements(count), { batch: 2 })) {
      assert.equal(outcome.position, all.length);
      all.push('error' in outcome ? outcome.error.code : 'ok');
    }
    return all;
  };

  test('that breaks is opened again, and what had no answer is sent again', async () => {
    behaviour = (stream, batch, n) =>
      n === 1 ? void stream.emit('error', { code: 14, details: 'gone' }) : answer(stream, batch);
    assert.deepEqual(await codes(8), new Array(8).fill('ok'));
    assert.ok(streams > 1);
  });

  test('that ends is opened again', async () => {
    behaviour = (stream, batch, n) => (n === 0 ? void stream.end() : answer(stream, batch));
    assert.deepEqual(await codes(4), new Array(4).fill('ok'));
  });

  test('may answer in another order', async () => {
    const held: (() => Promise<void>)[] = [];
    behaviour = async (stream, batch) => {
      held.push(() => answer(stream, batch));
      if (held.length === 4) for (const give of held.splice(0).reverse()) await give();
    };
    assert.deepEqual(await codes(8), new Array(8).fill('ok'));
  });

  test('with answers that fit no batch: RESPONSE_MALFORMED', async () => {
    for (const lie of [
      (batch: Batch) => v1.RegisterStreamResponse.encode({ batchId: batch.batchId + 77, results: [] }),
      (batch: Batch) => v1.RegisterStreamResponse.encode({ batchId: batch.batchId, results: [] }),
      (batch: Batch) =>
        v1.RegisterStreamResponse.encode({
          batchId: batch.batchId,
          results: batch.statements.map(() => ({})),
        }),
      (batch: Batch) =>
        v1.RegisterStreamResponse.encode({
          batchId: batch.batchId,
          results: batch.statements.map(() => ({ failure: { code: 'no code', message: '' } })),
        }),
      () => ({ finish: () => Uint8Array.of(0xff, 0xff) }),
    ]) {
      behaviour = (stream, batch) => void stream.write(Buffer.from(lie(batch).finish()));
      assert.deepEqual(await codes(2), ['RESPONSE_MALFORMED', 'RESPONSE_MALFORMED']);
    }
  });

  test('that never answers: DEADLINE_EXCEEDED', async () => {
    behaviour = () => {};
    const [outcome] = [(await client.registerAll(statements(1), { deadlineMs: 100 }).next()).value];
    assert.ok(outcome && 'error' in outcome && isLedgerError(outcome.error, 'DEADLINE_EXCEEDED'));
  });

  test('that is given up by its signal', async () => {
    behaviour = () => {};
    const all = client.registerAll(statements(1), { signal: AbortSignal.timeout(50) });
    await assert.rejects(all.next(), { name: 'TimeoutError' });
  });
});
