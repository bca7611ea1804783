/** Unary calls as the transport brings them: messages too many or too few, and what they hold while they wait. */
import assert from 'node:assert/strict';
import { connect, constants } from 'node:http2';
import { after, before, suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { ServiceError } from '@grpc/grpc-js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/index.ts';
import { aichain } from '../../src/proto/aichain.js';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { describe, RawClient } from './raw-client.ts';

const REGISTER = '/aichain.v1.RegistrationService/Register';
const message = (text: string) => {
  const statement = new TextEncoder().encode(text);
  return Buffer.from(aichain.v1.RegisterRequest.encode({ statement }).finish());
};

suite('unary calls', () => {
  const ledger = new FakeLedger();
  // Room for two of the statements below, and for no third.
  const limits = new Limits({ requests: null, statements: null, pendingBytes: 32 });
  let server: GrpcServer;
  let port: number;
  before(async () => {
    server = createGrpcServer({ ledger, limits });
    port = await server.listen('127.0.0.1', 0);
  });
  after(() => server.close(1000));

  /** A call of these messages, as no client library would make it. */
  async function trailers(...messages: Buffer[]): Promise<Record<string, unknown>> {
    const session = connect(`http://127.0.0.1:${port}`);
    try {
      return await new Promise((resolve, reject) => {
        const stream = session.request({
          ...{ ':method': 'POST', ':path': REGISTER },
          ...{ 'content-type': 'application/grpc', te: 'trailers' },
        });
        stream.on('error', reject);
        // Without an answer before it, the status comes in the headers.
        stream.on('response', (headers) => headers['grpc-status'] !== undefined && resolve(headers));
        stream.on('trailers', resolve);
        stream.resume();
        for (const bytes of messages) {
          const prefix = Buffer.alloc(5);
          prefix.writeUInt32BE(bytes.length, 1);
          stream.write(Buffer.concat([prefix, bytes]));
        }
        stream.end();
      });
    } finally {
      session.close();
    }
  }

  test('one message is answered; none and two are refused', async () => {
    const one = await trailers(message('one'));
    assert.equal(one['grpc-status'], '0');
    assert.equal(one['aichain-simulated'], 'true');
    for (const messages of [[], [message('first'), message('second')]]) {
      const refused = await trailers(...messages);
      assert.equal(refused['grpc-status'], '12');
      assert.equal(refused['aichain-code'], 'REQUEST_MALFORMED');
      assert.equal(refused['aichain-simulated'], 'true');
    }
    assert.ok(!ledger.statements.some((bytes) => Buffer.from(bytes).includes('second')));
  });

  test('a call waits for the room that others take; one that goes away leaves its place', async () => {
    const client = new RawClient(`127.0.0.1:${port}`);
    const count = () => ledger.callers.length;
    const started = count();
    const both = ['slow a', 'slow b'].map((text) => client.unary(REGISTER, message(text.padEnd(12))));
    await until(() => count() === started + 2);
    const third = client.unary(REGISTER, message('c'.padEnd(12)), 100);
    const fourth = client.unary(REGISTER, message('d'.padEnd(12)));
    await assert.rejects(third, { code: 4 });
    // The server hears of it a little later.
    await setTimeout(200);
    assert.equal(count(), started + 2, 'neither has reached the ledger');
    ledger.release();
    ledger.release();
    await Promise.all([...both, fourth]);
    assert.equal(count(), started + 3);
    // All has been given back.
    await Promise.all(['e', 'f', 'g', 'h'].map((text) => client.unary(REGISTER, message(text.padEnd(12)))));
    client.close();
  });
});

test('a request that does not end takes no room, and is cut off after the deadline', async () => {
  const limits = new Limits({ pendingBytes: 32, deadline: 1000 });
  const server = createGrpcServer({ ledger: new FakeLedger(), limits });
  const port = await server.listen('127.0.0.1', 0);
  const session = connect(`http://127.0.0.1:${port}`);
  const bytes = message('x'.repeat(28));
  const refused = Array.from({ length: 5 }, () => {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': REGISTER },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    stream.write(Buffer.concat([Buffer.of(0, 0, 0, 0, bytes.length), bytes]));
    return new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
  });
  await setTimeout(200);
  // All have come, and none is in anybody's way.
  const client = new RawClient(`127.0.0.1:${port}`);
  assert.equal(
    await Promise.race([client.unary(REGISTER, bytes).then(() => 'answered'), ...refused]),
    'answered',
  );
  for (const { 'grpc-status': status, 'aichain-code': code } of await Promise.all(refused)) {
    assert.deepEqual([status, code], ['4', 'DEADLINE_EXCEEDED']);
  }
  client.close();
  session.destroy();
  await server.close(1000);
});

test('nor does a stream of answers, however long it is open', async () => {
  const limits = new Limits({ pendingBytes: 32, deadline: 1000 });
  const server = createGrpcServer({ ledger: new FakeLedger(), limits });
  const client = new RawClient(`127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  // A field that is not known.
  const open = [1, 2, 3].map(() =>
    client.serverStream('/aichain.v1.LogService/Follow', Buffer.of(0x7a, 14, ...Buffer.alloc(14))),
  );
  await Promise.all(open.map((stream) => new Promise((resolve) => stream.once('data', resolve))));
  await client.unary(REGISTER, message('y'.repeat(28)));
  for (const stream of open) stream.on('error', () => {}).cancel();
  client.close();
  await server.close(1000);
});

test('a message of a stream that begins and does not end is cut off too; a stream may be quiet as long as it likes', async () => {
  const server = createGrpcServer({ ledger: new FakeLedger(), limits: new Limits({ deadline: 300 }) });
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  const begin = () => {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': `${REGISTER}Stream` },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    const status = new Promise<unknown>((resolve) => {
      stream.on('response', (headers) => headers['grpc-status'] && resolve(headers['grpc-status']));
      stream.on('trailers', (headers) => resolve(headers['grpc-status']));
    });
    return {
      stream: stream.resume(),
      status,
      closed: new Promise((resolve) => stream.once('close', resolve)),
    };
  };
  const batch = aichain.v1.RegisterStreamRequest.encode({
    batchId: 1,
    statements: [Buffer.alloc(8)],
  }).finish();
  const whole = Buffer.concat([Buffer.of(0, 0, 0, 0, batch.length), batch]);
  for (const first of [Buffer.of(), whole]) {
    const { stream, status, closed } = begin();
    stream.write(Buffer.concat([first, whole.subarray(0, -1)]));
    assert.equal(await status, '4');
    await closed;
    assert.equal(stream.rstCode, 0);
  }
  const { stream, status } = begin();
  for (let i = 0; i < 3; i++) {
    stream.write(whole);
    await setTimeout(700);
  }
  // Each of these ends the one before it: what is being received is never the same for long.
  for (let i = 0; i < 8; i++) {
    stream.write(whole.subarray(0, 9));
    await setTimeout(100);
    stream.write(whole.subarray(9));
  }
  stream.end();
  assert.equal(await status, '0');
  session.destroy();
  await server.close(1000);
});

test('a request that begins and does not end is cut off after the deadline, and what has come of it is let go', async () => {
  const server = createGrpcServer({ ledger: new FakeLedger(), limits: new Limits({ deadline: 300 }) });
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  const follow = '/aichain.v1.LogService/Follow';
  // Its own deadline, or the server's: a stream of requests has none unless it names one.
  for (const [path, timeout] of [[REGISTER], [follow], [REGISTER, '50m'], [`${REGISTER}Stream`, '50m']]) {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': path },
      ...{ 'content-type': 'application/grpc', te: 'trailers', ...(timeout && { 'grpc-timeout': timeout }) },
    });
    const refused = new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    // Ten bytes are announced, and three come.
    stream.write(Buffer.of(0, 0, 0, 0, 10, 1, 2, 3));
    stream.resume();
    const { 'grpc-status': status, 'aichain-code': code } = await refused;
    assert.deepEqual([status, code], ['4', 'DEADLINE_EXCEEDED']);
    await closed;
    assert.equal(stream.rstCode, 0);
  }
  session.destroy();
  await server.close(1000);
});

test('a stream whose answers are not read is reset after the deadline', async () => {
  const server = createGrpcServer({ ledger: new FakeLedger(), limits: new Limits({ deadline: 300 }) });
  const port = await server.listen('127.0.0.1', 0);
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  await new Promise((resolve) => session.once('localSettings', resolve));
  for (const path of ['/aichain.v1.LogService/Follow', `${REGISTER}Stream`]) {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': path },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    stream.on('error', () => {});
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.write(Buffer.alloc(5));
    if (path.endsWith('Follow')) stream.end();
    await closed;
    assert.equal(stream.rstCode, 8);
  }
  session.destroy();
  await server.close(1000);
});

test('so is a call whose answer is large and not read; one that is read has its time', async () => {
  class Large extends FakeLedger {
    override async entry(of: Parameters<FakeLedger['entry']>[0]) {
      return { ...(await super.entry(of)), statement: new Uint8Array(100_000) };
    }
  }
  const server = createGrpcServer({ ledger: new Large(), limits: new Limits({ deadline: 300 }) });
  const port = await server.listen('127.0.0.1', 0);
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  await new Promise((resolve) => session.once('localSettings', resolve));
  const client = new RawClient(`127.0.0.1:${port}`);
  await client.unary(REGISTER, message('one'));
  const stream = session.request({
    ...{ ':method': 'POST', ':path': '/aichain.v1.LogService/GetEntry' },
    ...{ 'content-type': 'application/grpc', te: 'trailers' },
  });
  stream.on('error', () => {});
  const closed = new Promise((resolve) => stream.once('close', resolve));
  const request = aichain.v1.GetEntryRequest.encode({ index: 0 }).finish();
  stream.end(Buffer.concat([Buffer.of(0, 0, 0, 0, request.length), request]));
  await closed;
  assert.equal(stream.rstCode, 8);
  const read = await client.unary('/aichain.v1.LogService/GetEntry', request);
  await setTimeout(400);
  assert.ok(read.length > 100_000);
  client.close();
  session.destroy();
  await server.close(1000);
});

test('compressed requests are refused: they would be unpacked before there is room for them', async () => {
  const ledger = new FakeLedger();
  const server = createGrpcServer({ ledger, limits: new Limits() });
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  for (const path of [REGISTER, `${REGISTER}Stream`, '/aichain.v1.LogService/Follow']) {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': path },
      ...{ 'content-type': 'application/grpc', te: 'trailers', 'grpc-encoding': 'gzip' },
    });
    const refused = new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
    const packed = gzipSync(message('packed'));
    stream.end(Buffer.concat([Buffer.of(1, 0, 0, 0, packed.length), packed]));
    const { 'grpc-status': status, 'aichain-code': code } = await refused;
    assert.deepEqual([status, code], ['12', 'REQUEST_MALFORMED']);
  }
  assert.equal(ledger.callers.length, 0);
  session.destroy();
  await server.close(1000);
});

test('a stream that goes away gives back what it waits for too: its own messages come into the room that it leaves', async () => {
  const ledger = new FakeLedger();
  const limits = new Limits({ pendingBatches: 1, pendingBytes: 64, deadline: 1000 });
  const server = createGrpcServer({ ledger, limits });
  const port = await server.listen('127.0.0.1', 0);
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ...{ ':method': 'POST', ':path': `${REGISTER}Stream` },
    ...{ 'content-type': 'application/grpc', te: 'trailers' },
  });
  const batch = (text: string) => {
    const statements = [new TextEncoder().encode(text)];
    const bytes = aichain.v1.RegisterStreamRequest.encode({ batchId: 1, statements }).finish();
    return Buffer.concat([Buffer.of(0, 0, 0, 0, bytes.length), bytes]);
  };
  // One is being answered, and one waits for that.
  stream.write(Buffer.concat([batch('slow'), batch('x'.repeat(40))]));
  await until(() => ledger.callers.length === 1);
  await setTimeout(100);
  stream.close(constants.NGHTTP2_CANCEL);
  await setTimeout(100);
  ledger.release();
  const client = new RawClient(`127.0.0.1:${port}`);
  await client.unary(REGISTER, message('y'.repeat(40)));
  assert.equal(ledger.callers.length, 2, 'what waited was not registered');
  client.close();
  session.destroy();
  await server.close(1000);
});

test('what opens a stream of answers is small', async () => {
  const server = createGrpcServer({ ledger: new FakeLedger(), limits: new Limits() });
  const client = new RawClient(`127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  const follow = client.serverStream('/aichain.v1.LogService/Follow', Buffer.alloc(4097));
  const error = await new Promise<ServiceError>((resolve) => follow.once('error', resolve));
  assert.deepEqual(describe(error), { status: 8, code: 'REQUEST_TOO_LARGE' });
  client.close();
  await server.close(1000);
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (condition()) return;
    await setTimeout(10);
  }
  throw new Error('it did not happen within 30 s');
}
