import assert from 'node:assert/strict';
import { after, before, describe as suite, test } from 'node:test';
import { LedgerError } from '../../src/core/errors.ts';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/index.ts';
import { aichain, grpc } from '../../src/proto/aichain.js';
import { Limits } from '../../src/service/limits.ts';
import type { ObservedRequest } from '../../src/service/surface.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { describe, failure, RawClient } from './raw-client.ts';

const v1 = aichain.v1;
const text = (value: string) => new TextEncoder().encode(value);
const REGISTER = '/aichain.v1.RegistrationService/Register';
const STREAM = '/aichain.v1.RegistrationService/RegisterStream';
const register = (statement: Uint8Array) => v1.RegisterRequest.encode({ statement }).finish();
const batch = (batchId: number, ...statements: string[]) =>
  Buffer.from(v1.RegisterStreamRequest.encode({ batchId, statements: statements.map(text) }).finish());

suite('gRPC', () => {
  const ledger = new FakeLedger();
  const limits = new Limits({
    requests: null,
    statements: null,
    messageBytes: 1 << 16,
    statementBytes: 4096,
    batchStatements: 8,
    pendingBatches: 2,
    facts: 4,
    pageEntries: 3,
  });
  const observed: ObservedRequest[] = [];
  let server: GrpcServer;
  let client: RawClient;
  let port: number;

  before(async () => {
    server = createGrpcServer({ ledger, limits, observer: { observe: (r) => observed.push(r) } });
    port = await server.listen('127.0.0.1', 0);
    client = new RawClient(`127.0.0.1:${port}`);
  });
  after(async () => {
    client.close();
    await server.close(1000);
  });

  test('registers a statement, and again with the same answer', async () => {
    const first = v1.RegisterResponse.decode(await client.unary(REGISTER, register(text('one'))));
    assert.equal(first.registration?.index, 0);
    assert.equal(first.registration?.entryId?.length, 32);
    assert.equal(first.registration?.existed ?? false, false);
    const again = v1.RegisterResponse.decode(await client.unary(REGISTER, register(text('one'))));
    assert.equal(again.registration?.existed, true);
    assert.match(ledger.callers[0]!.client, /^(::ffff:)?127\.0\.0\.1$/);
    const { entryId } = first.registration!;
    const found = await client.unary(
      '/aichain.v1.RegistrationService/GetRegistration',
      v1.GetRegistrationRequest.encode({ entryId: entryId! }).finish(),
    );
    assert.equal(v1.GetRegistrationResponse.decode(found).registration?.index, 0);
  });

  test('a failure is a status, a reason code and, where it helps, a retry delay', async () => {
    const code = (statement: string) => failure(client.unary(REGISTER, register(text(statement))));
    assert.deepEqual(await code('refuse:SIGNATURE_INVALID'), { status: 3, code: 'SIGNATURE_INVALID' });
    assert.deepEqual(await code('refuse:KEY_REVOKED'), { status: 9, code: 'KEY_REVOKED' });
    assert.deepEqual(await code('refuse:LOG_OVERLOADED'), { status: 8, code: 'LOG_OVERLOADED', retry: 7 });
    assert.deepEqual(await code('refuse:KIND_OWN_REFUSAL'), { status: 9, code: 'KIND_OWN_REFUSAL' });
    assert.deepEqual(await code('refuse:DEFECT'), { status: 13, code: 'INTERNAL' });
    await assert.rejects(client.unary(REGISTER, register(text('refuse:DEFECT'))), (error: Error) => {
      return !error.message.includes('secret');
    });
    assert.deepEqual(observed.at(-1), {
      surface: 'grpc',
      operation: REGISTER,
      status: 13,
      code: 'INTERNAL',
      seconds: observed.at(-1)!.seconds,
    });
  });

  test('an error message of any characters and length is sent', async () => {
    ledger.nextError = new LedgerError('NOT_FOUND', `\ud800\u0000\n${'\u00e9'.repeat(100_000)}`);
    const request = v1.GetEntryRequest.encode({ index: 0 }).finish();
    assert.equal((await failure(client.unary('/aichain.v1.LogService/GetEntry', request))).code, 'NOT_FOUND');
  });

  test('limits of size: statement, message, fields, facts', async () => {
    assert.deepEqual(await failure(client.unary(REGISTER, register(new Uint8Array(5000)))), {
      status: 3,
      code: 'STATEMENT_TOO_LARGE',
    });
    assert.deepEqual(await failure(client.unary(REGISTER, register(new Uint8Array(1 << 17)))), {
      status: 8,
      code: 'REQUEST_TOO_LARGE',
    });
    assert.deepEqual(
      await failure(
        client.unary(
          REGISTER,
          new Uint8Array(60_000).fill(0x0a).map((b, i) => (i % 2 ? 0 : b)),
        ),
      ),
      {
        status: 3,
        code: 'REQUEST_TOO_LARGE',
      },
    );
    const facts = (keys: Uint8Array[]) =>
      failure(
        client.unary('/aichain.v1.StateService/GetFacts', v1.GetFactsRequest.encode({ keys }).finish()),
      );
    assert.equal((await facts([])).code, 'ARGUMENT_INVALID');
    assert.equal((await facts([text('k'), new Uint8Array()])).code, 'ARGUMENT_INVALID');
    assert.equal((await facts(Array.from({ length: 5 }, () => text('k')))).code, 'REQUEST_TOO_LARGE');
    assert.equal((await facts(Array.from({ length: 500 }, () => text('k')))).code, 'REQUEST_TOO_LARGE');
    assert.equal((await facts([new Uint8Array(5000)])).code, 'REQUEST_TOO_LARGE');
  });

  test('bytes that are no message', async () => {
    for (const bytes of [
      [0x0a],
      [0x0a, 5, 1],
      [0xff],
      [0x0b],
      [0x0f],
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ]) {
      assert.deepEqual(await failure(client.unary(REGISTER, Uint8Array.from(bytes))), {
        status: 3,
        code: 'REQUEST_MALFORMED',
      });
    }
    // Every byte of a request changed: an answer or a reason code, never anything else.
    const valid = v1.GetInclusionRequest.encode({ index: 0, size: 1 }).finish();
    for (let i = 0; i < valid.length; i++) {
      for (const flip of [1, 0x80, 0xff]) {
        const bytes = Uint8Array.from(valid);
        bytes[i]! ^= flip;
        await client.unary('/aichain.v1.LogService/GetInclusion', bytes).catch((error) => {
          assert.ok(describe(error).code, error.message);
        });
      }
    }
  });

  test('an unknown method', async () => {
    assert.equal(
      (await failure(client.unary('/aichain.v1.LogService/Nothing', new Uint8Array()))).status,
      12,
    );
    assert.equal((await failure(client.unary('/__proto__/constructor', new Uint8Array()))).status, 12);
  });

  test('a log for development says so in every answer, also in a refusal and in what gRPC itself answers', async () => {
    const trailer = (method: string, request = new Uint8Array()) =>
      new Promise<unknown>((resolve) => {
        const raw = (bytes: Buffer) => bytes;
        const path = `/aichain.v1.LogService/${method}`;
        const call = client.makeUnaryRequest(path, raw, raw, Buffer.from(request), () => {});
        call.on('status', ({ metadata }) => resolve(metadata.get('aichain-simulated')[0]));
      });
    assert.equal(await trailer('GetInfo'), 'true');
    assert.equal(await trailer('GetEffect', Uint8Array.of(0x08, 0x81)), 'true');
    assert.equal(await trailer('GetInfo', new Uint8Array(9 << 20)), 'true');
  });

  test('numbers above 2^53 are refused, not rounded', async () => {
    const request = Uint8Array.of(0x08, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10);
    assert.deepEqual(await failure(client.unary('/aichain.v1.LogService/GetEffect', request)), {
      status: 3,
      code: 'ARGUMENT_INVALID',
    });
  });

  test('reads', async () => {
    for (const name of ['two', 'three', 'four', 'five', 'six', 'seven'])
      await ledger.register(text(name), { client: '' });
    const call = async (method: string, request: Uint8Array = new Uint8Array()) =>
      client.unary(`/aichain.v1.LogService/${method}`, request);

    const info = v1.GetInfoResponse.decode(await call('GetInfo'));
    assert.equal(info.origin, ledger.origin);
    assert.equal(info.simulated, true);
    assert.equal(info.accepting, true);
    assert.equal(info.size, 7);

    const { head } = v1.GetCheckpointResponse.decode(await call('GetCheckpoint'));
    assert.equal(head?.size, 7);
    assert.equal(head?.time, ledger.head().time);
    assert.equal(head?.checkpoint, ledger.head().checkpoint);

    const inclusion = v1.GetInclusionResponse.decode(
      await call('GetInclusion', v1.GetInclusionRequest.encode({ index: 2, size: 5 }).finish()),
    );
    assert.equal(inclusion.path.length, 2);
    assert.equal(inclusion.head?.size, 5);
    assert.deepEqual(await failure(call('GetInclusion')), { status: 3, code: 'ARGUMENT_INVALID' });
    assert.deepEqual(
      await failure(call('GetInclusion', v1.GetInclusionRequest.encode({ entryId: text('short') }).finish())),
      { status: 3, code: 'ARGUMENT_INVALID' },
    );
    assert.deepEqual(
      await failure(call('GetInclusion', v1.GetInclusionRequest.encode({ index: 2, size: 50 }).finish())),
      { status: 5, code: 'SIZE_NOT_AVAILABLE' },
    );

    const consistency = v1.GetConsistencyResponse.decode(
      await call('GetConsistency', v1.GetConsistencyRequest.encode({ from: 2 }).finish()),
    );
    assert.equal(consistency.from, 2);
    assert.ok(consistency.receipt.length > 0);
    assert.equal((await failure(call('GetConsistency'))).code, 'ARGUMENT_INVALID');

    const entry = v1.GetEntryResponse.decode(
      await call('GetEntry', v1.GetEntryRequest.encode({ index: 2 }).finish()),
    );
    assert.equal(entry.entry?.statement, null);
    assert.equal(
      (await failure(call('GetEntry', v1.GetEntryRequest.encode({ index: 99 }).finish()))).code,
      'NOT_FOUND',
    );

    const effect = v1.GetEffectResponse.decode(
      await call('GetEffect', v1.GetEffectRequest.encode({ index: 3 }).finish()),
    );
    assert.equal(effect.stateIndex, 4);
    assert.equal(effect.statePath.length, 1);
    assert.equal(effect.verdictCount, 1);

    const keys = v1.GetKeysResponse.decode(await call('GetKeys'));
    assert.equal(keys.verifierKey, ledger.verifierKey);

    const facts = v1.GetFactsResponse.decode(
      await client.unary(
        '/aichain.v1.StateService/GetFacts',
        v1.GetFactsRequest.encode({ keys: [text('a'), text('b')] }).finish(),
      ),
    );
    assert.deepEqual(
      facts.facts.map((fact) => fact.value === null || fact.value === undefined),
      [false, true],
    );
    assert.equal(facts.tip?.path?.length, 1);
  });

  test('entries come in pages', async () => {
    const pages: number[][] = [];
    const request = v1.GetEntriesRequest.encode({ start: 1, count: 5 }).finish();
    for await (const bytes of client.serverStream('/aichain.v1.LogService/GetEntries', request)) {
      pages.push(v1.GetEntriesResponse.decode(bytes).entries.map((entry) => entry.index!));
    }
    assert.deepEqual(pages, [
      [1, 2, 3],
      [4, 5],
    ]);
    const beyond = client.serverStream(
      '/aichain.v1.LogService/GetEntries',
      v1.GetEntriesRequest.encode({ start: 100 }).finish(),
    );
    await assert.rejects(
      async () => {
        for await (const _ of beyond);
      },
      (error) => describe(error as never).code === 'SIZE_NOT_AVAILABLE',
    );
  });

  test('a batch on a stream has one result for each statement', async () => {
    const stream = client.duplex(STREAM);
    stream.write(batch(7, 'eight', 'refuse:KEY_REVOKED', 'x'.repeat(5000), 'eight', 'refuse:RATE_LIMITED'));
    stream.write(batch(8));
    stream.end();
    const answers = new Map<number, aichain.v1.RegistrationResult.$Properties[]>();
    for await (const bytes of stream) {
      const { batchId, results } = v1.RegisterStreamResponse.decode(bytes);
      answers.set(batchId, results);
    }
    assert.equal(answers.get(8)?.length, 0);
    const [eight, revoked, large, again, limited] = answers.get(7)!;
    assert.equal(eight?.registration?.index, 7);
    assert.equal(revoked?.failure?.code, 'KEY_REVOKED');
    assert.equal(large?.failure?.code, 'STATEMENT_TOO_LARGE');
    assert.equal(again?.registration?.existed, true);
    assert.equal(limited?.failure?.retryAfter, 7);
  });

  test('a stream is not read while too many batches are in flight', async () => {
    ledger.mostPending = 0;
    const stream = client.duplex(STREAM);
    const answered: number[] = [];
    stream.on('data', (bytes: Buffer) => answered.push(v1.RegisterStreamResponse.decode(bytes).batchId));
    for (let i = 0; i < 10; i++) stream.write(batch(i, `slow ${i}`));
    stream.end();
    const ended = new Promise((resolve) => stream.on('end', resolve));
    await until(() => ledger.released.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(ledger.released.length, 2, 'two batches at a time');
    const pump = setInterval(() => ledger.release(), 5);
    await ended;
    clearInterval(pump);
    assert.deepEqual(answered.sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(ledger.mostPending, 2);
  });

  test('nor while its batches in flight have too many bytes; a larger one goes alone', async () => {
    const few = new Limits({ requests: null, statements: null, pendingBatches: 4, pendingBatchBytes: 400 });
    const narrow = createGrpcServer({ ledger, limits: few });
    const other = new RawClient(`127.0.0.1:${await narrow.listen('127.0.0.1', 0)}`);
    try {
      const stream = other.duplex(STREAM);
      stream.resume();
      const ended = new Promise((resolve) => stream.on('end', resolve));
      for (const length of [10, 250, 10, 600, 10]) stream.write(batch(1, `slow ${'x'.repeat(length)}`));
      stream.end();
      // 100, the least that one is charged, and 250 fill the window; then 100 does, since 600 comes next; then 600; then 100.
      const atOnce: number[] = [];
      for (const expected of [2, 1, 1, 1]) {
        await until(() => ledger.released.length >= expected);
        await new Promise((resolve) => setTimeout(resolve, 50));
        atOnce.push(ledger.released.length);
        ledger.release();
      }
      await ended;
      assert.deepEqual(atOnce, [2, 1, 1, 1]);
    } finally {
      other.close();
      await narrow.close(1000);
    }
  });

  test('a malformed batch, or one of too many statements, ends the stream with its code', async () => {
    for (const [bytes, code] of [
      [Buffer.from([0xff]), 'REQUEST_MALFORMED'],
      [batch(1, ...Array.from({ length: 10 }, (_, i) => `s${i}`)), 'REQUEST_TOO_LARGE'],
    ] as const) {
      const stream = client.duplex(STREAM);
      stream.write(bytes);
      await assert.rejects(
        async () => {
          for await (const _ of stream);
        },
        (error) => describe(error as never).code === code,
      );
    }
  });

  test('a deadline reaches the ledger as an abort, and the client as its code', async () => {
    const before = ledger.callers.length;
    const { status } = await failure(client.unary(REGISTER, register(text('slow and late')), 1500));
    assert.equal(status, 4);
    await until(() => ledger.callers[before]?.signal?.aborted === true);
    ledger.release();
  });

  test('a client that goes away aborts what it asked for', async () => {
    const before = ledger.callers.length;
    const stream = client.duplex(STREAM);
    stream.on('error', () => {});
    stream.write(batch(1, 'slow and gone'));
    await until(() => ledger.callers.length > before);
    stream.cancel();
    await until(() => ledger.callers[before]!.signal!.aborted);
    ledger.release();
  });

  test('follow gives the newest head, then each new one, and stops listening with its client', async () => {
    const stream = client.serverStream('/aichain.v1.LogService/Follow', new Uint8Array());
    stream.on('error', () => {});
    const sizes: number[] = [];
    stream.on('data', (bytes: Buffer) => sizes.push(v1.FollowResponse.decode(bytes).head!.size!));
    const start = ledger.statements.length;
    await until(() => sizes.length === 1);
    await ledger.register(text('followed'), { client: '' });
    await until(() => sizes.length === 2);
    assert.deepEqual(sizes, [start, start + 1]);
    assert.equal(ledger.followers, 1);
    stream.cancel();
    await until(() => ledger.followers === 0);
  });

  test('health', async () => {
    const check = async (service: string) =>
      grpc.health.v1.HealthCheckResponse.decode(
        await client.unary(
          '/grpc.health.v1.Health/Check',
          grpc.health.v1.HealthCheckRequest.encode({ service }).finish(),
        ),
      ).status;
    assert.equal(await check(''), 1);
    assert.equal(await check('aichain.v1.RegistrationService'), 1);
    assert.deepEqual(await failure(check('nothing')), { status: 5, code: 'NOT_FOUND' });
    ledger.accepting = false;
    assert.equal(await check('aichain.v1.RegistrationService'), 2);
    assert.equal(await check('aichain.v1.LogService'), 1);
    assert.deepEqual(await failure(client.unary(REGISTER, register(text('no')))), {
      status: 14,
      code: 'LOG_READ_ONLY',
      retry: 30,
    });
    const watch = client.serverStream(
      '/grpc.health.v1.Health/Watch',
      grpc.health.v1.HealthCheckRequest.encode({ service: 'aichain.v1.RegistrationService' }).finish(),
    );
    watch.on('error', () => {});
    const seen: number[] = [];
    watch.on('data', (bytes: Buffer) => seen.push(grpc.health.v1.HealthCheckResponse.decode(bytes).status));
    await until(() => seen.length === 1);
    ledger.accepting = true;
    await until(() => seen.length === 2);
    assert.deepEqual(seen, [2, 1]);
    watch.cancel();
  });
});

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it did not happen within 30 s');
}
