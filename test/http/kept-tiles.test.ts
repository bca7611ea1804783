/** Tiles that are answered before the framework: nobody can tell by the answer, and none of the server's duties is left out. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request as requestTls } from 'node:https';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bytes } from '../../src/core/bytes.ts';
import { LedgerError } from '../../src/core/errors.ts';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/http/server.ts';
import { Limits } from '../../src/service/limits.ts';
import type { ObservedRequest } from '../../src/service/surface.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { TestAuthority } from '../service/test-certificates.ts';

const PATH = 'tile/0/000';
const TILE: Bytes = Buffer.from(Uint8Array.from({ length: 8192 }, (_, at) => at * 7));

/** Has one tile: at hand, or only for who waits. */
class TileLedger extends FakeLedger {
  readonly isKept: boolean;
  /** How often the framework's handler asked. */
  asked = 0;

  constructor(isKept: boolean) {
    super();
    this.isKept = isKept;
  }

  override keptTile(path: string): Bytes | undefined {
    return this.isKept && path === PATH ? TILE : undefined;
  }

  override async tile(path: string): Promise<Bytes> {
    this.asked++;
    return path === PATH ? TILE : super.tile(path);
  }
}

interface Running {
  readonly ledger: TileLedger;
  readonly server: HttpServer;
  readonly port: number;
  readonly observed: ObservedRequest[];
}

async function start(isKept: boolean, options: Partial<HttpServerOptions> = {}): Promise<Running> {
  const ledger = new TileLedger(isKept);
  const observed: ObservedRequest[] = [];
  const server = await createHttpServer({
    ...{ ledger, limits: new Limits({ requests: null }), observer: { observe: (one) => observed.push(one) } },
    ...options,
  });
  return { ledger, server, port: await server.listen('127.0.0.1', 0), observed };
}

/** What comes back until the server ends the connection, but for the time of day. */
async function sent(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer.replace(/\r\nDate: [^\r]*/g, '');
}

const LAST = 'connection: close\r\n';
const get = (more = '', path = `/${PATH}`, version = '1.1') =>
  `GET ${path} HTTP/${version}\r\nhost: x\r\n${more}\r\n`;

describe('tiles that are kept', () => {
  let kept: Running;
  let other: Running;

  before(async () => {
    kept = await start(true);
    other = await start(false);
  });
  after(() => Promise.all([kept.server.close(500), other.server.close(500)]));

  test('have the answer that the framework gives, byte for byte', async () => {
    for (const [text, byFramework] of [
      [get(LAST), 0],
      [get() + get() + get(LAST), 2],
      [get('', `/${PATH}`, '1.0'), 0],
      [get(`accept-version: 1.x\r\naccept: text/html\r\nrange: bytes=0-9\r\n${LAST}`), 0],
      [`${get(`content-length: 3\r\n${LAST}`)}abc`, 1],
      [`${get(`transfer-encoding: chunked\r\n${LAST}`)}3\r\nabc\r\n0\r\n\r\n`, 1],
      [get(`content-length: 0\r\n${LAST}`), 1],
      [get(LAST).replace('GET', 'HEAD'), 1],
      [get(LAST).replace('GET', 'POST'), 0],
      [get(LAST, `/${PATH}?`), 0],
      [get(LAST, `/${PATH}/`), 0],
      [get(LAST, `//${PATH}`), 0],
      [get(LAST, '/tile/%30/000'), 0],
      [get(LAST, `http://x/${PATH}`), 0],
    ] as const) {
      const before = kept.ledger.asked;
      assert.equal(await sent(kept.port, text), await sent(other.port, text), text);
      assert.equal(kept.ledger.asked - before, byFramework, text);
    }
    assert.ok((await sent(kept.port, get(LAST))).endsWith(Buffer.from(TILE).toString('latin1')));
  });

  test('are counted under their route, each once', async () => {
    for (const { port, observed } of [kept, other]) {
      observed.length = 0;
      await sent(port, get() + get() + get(LAST));
      assert.equal(observed.length, 3);
    }
    const [mine, theirs] = [kept, other].map(({ observed }) =>
      observed.map(({ seconds, ...rest }) => {
        assert.ok(seconds >= 0 && seconds < 5);
        return rest;
      }),
    );
    assert.deepEqual(mine, theirs);
    assert.deepEqual(mine![0], {
      ...{ surface: 'http', operation: 'GET /tile/*', status: 200, code: null },
    });
  });

  test('wait for the answers before them, and those behind wait for them', async () => {
    const { ledger, port } = kept;
    const order: string[] = [];
    ledger.entries = async () => {
      order.push('begun');
      await delay(30);
      order.push('done');
      return [];
    };
    const page = get('', '/v1/entries?start=0');
    const answer = await sent(port, page + get() + page + get(LAST));
    const sizes = [...answer.matchAll(/content-length: (\d+)/g)].map(([, size]) => size === '8192');
    assert.deepEqual(sizes, [false, true, false, true]);
    assert.deepEqual(order, ['begun', 'done', 'begun', 'done']);
  });
});

test('a kept tile is a request of its client like any other', async (t) => {
  const limits = () => new Limits({ requests: { points: 3, seconds: 60 } });
  for (const [first, second] of [
    [true, true],
    [true, false],
    [false, true],
  ]) {
    const { ledger, server, port, observed } = await start(true, { limits: limits() });
    t.after(() => server.close(0));
    const path = (isTile: boolean | undefined) => (isTile ? `/${PATH}` : '/checkpoint');
    const statuses: string[] = [];
    for (const isTile of [first, second, first, second, first]) {
      const answer = await sent(port, get(LAST, path(isTile)));
      statuses.push(answer.slice(9, 12));
      if (answer.startsWith('HTTP/1.1 429')) {
        assert.match(answer, /\r\naichain-code: RATE_LIMITED\r\n/);
        assert.match(answer, /\r\nretry-after: \d+\r\n/);
      }
    }
    assert.deepEqual(statuses, ['200', '200', '200', '429', '429']);
    assert.equal(ledger.asked, 0);
    assert.deepEqual(
      observed.map(({ status }) => status),
      [200, 200, 200, 429, 429],
    );
  }
});

test('in one packet with others they pass the same door, one after the other', async (t) => {
  const { server, port } = await start(true, {
    limits: new Limits({ requests: { points: 3, seconds: 60 } }),
  });
  t.after(() => server.close(0));
  const answer = await sent(port, get() + get() + get() + get() + get(LAST));
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['200', '200', '200', '429', '429']);
});

test('where a proxy is believed, the client is who the proxy names', async (t) => {
  const { server, port, ledger } = await start(true, {
    limits: new Limits({ requests: { points: 1, seconds: 60 } }),
    trustProxy: ['127.0.0.1'],
  });
  t.after(() => server.close(0));
  const from = async (client: string) =>
    (await sent(port, get(`x-forwarded-for: ${client}\r\n${LAST}`))).slice(9, 12);
  assert.deepEqual(
    [await from('192.0.2.1'), await from('192.0.2.2'), await from('192.0.2.1')],
    ['200', '200', '429'],
  );
  assert.equal(ledger.asked, 2);
});

test('where clients need a certificate, nobody gets one without', async (t) => {
  const authority = new TestAuthority();
  // An authority that is no certificate trusts nobody.
  for (const clientCa of [authority.cert, '']) {
    const { server, port } = await start(true, { tls: { ...authority.issue('server'), clientCa } });
    t.after(() => server.close(0));
    assert.equal((await getTls(port, { ca: authority.cert })).statusCode, 401);
    const reader = { ca: authority.cert, ...authority.issue('reader') };
    assert.equal((await getTls(port, reader)).statusCode, clientCa ? 200 : 401);
  }
});

test('over TLS without client certificates they are the same', async (t) => {
  const authority = new TestAuthority();
  const { server, port, ledger } = await start(true, { tls: authority.issue('server') });
  t.after(() => server.close(0));
  const { headers } = await getTls(port, { ca: authority.cert });
  assert.ok(headers['strict-transport-security']);
  assert.equal(headers['content-length'], '8192');
  assert.equal(ledger.asked, 0);
});

test('none is handed out once the server ends: behind an answer that is due, and to a request that had begun', async (t) => {
  const { server, port, ledger } = await start(true);
  t.after(() => server.close(0));
  const { server: node } = server.app;
  const [asked, held] = [deferred<void>(), deferred<never[]>()];
  ledger.entries = () => {
    asked.resolve();
    return held.promise;
  };
  const waiting = connect(port, '127.0.0.1').setEncoding('latin1');
  const first = text(waiting);
  waiting.write(get('', '/v1/entries?start=0'));
  await asked.promise;
  const arrived = once(node, 'connection');
  const begun = connect(port, '127.0.0.1').setEncoding('latin1');
  const second = text(begun);
  begun.write(get().slice(0, -2));
  const [socket] = (await arrived) as [Socket];
  while (socket.bytesRead < get().length - 2) await delay(5);
  const closing = server.close(60_000);
  while (node.listening) await delay(5);
  const behind = once(node, 'request');
  waiting.write(get());
  await behind;
  begun.write('\r\n');
  const refused = /^HTTP\/1\.1 503 .*\r\naichain-code: LOG_CLOSING\r\n/s;
  assert.match(await second, refused);
  held.resolve([]);
  const answers = (await first).split(/(?=HTTP\/1\.1 )/);
  assert.equal(answers.length, 2);
  assert.match(answers[0]!, /^HTTP\/1\.1 200 /);
  assert.match(answers[1]!, refused);
  await closing;
});

test('a client that leaves before it is admitted gets nothing and is not counted as answered', async (t) => {
  const [asked, admitted] = [deferred<void>(), deferred<void>()];
  const limits = new Limits();
  limits.admitRequest = () => {
    asked.resolve();
    return admitted.promise;
  };
  const { server, port, observed, ledger } = await start(true, { limits });
  t.after(() => server.close(0));
  const arrived = once(server.app.server, 'connection');
  const socket = connect(port, '127.0.0.1');
  // One more behind it, which waits for its turn and never gets it.
  socket.write(get() + get());
  const [other] = (await arrived) as [Socket];
  await asked.promise;
  const gone = new Promise((resolve) => other.once('close', resolve));
  socket.resetAndDestroy();
  await gone;
  admitted.resolve();
  limits.admitRequest = () => undefined;
  assert.match(await sent(port, get(LAST)), /^HTTP\/1\.1 200 /);
  assert.deepEqual([observed.length, ledger.asked], [1, 0]);
});

test('while a client waits to be admitted, its next request waits for its turn', async (t) => {
  const limits = new Limits();
  const order: string[] = [];
  let count = 0;
  limits.admitRequest = async () => {
    const n = count++;
    order.push(`asked ${n}`);
    await delay(20);
    order.push(`told ${n}`);
    if (n === 1) throw new LedgerError('RATE_LIMITED', 'not now', { retryAfter: 1 });
  };
  const { server, port } = await start(true, { limits });
  t.after(() => server.close(0));
  const answer = await sent(port, get() + get() + get(LAST));
  assert.deepEqual(
    [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '429', '200'],
  );
  assert.deepEqual(
    order,
    [0, 1, 2].flatMap((n) => [`asked ${n}`, `told ${n}`]),
  );
});

/** The tile's answer, read to its end. */
function getTls(port: number, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    requestTls({ host: '127.0.0.1', port, path: `/${PATH}`, agent: false, ...options }, (response) => {
      response.resume().once('end', () => resolve(response));
    })
      .once('error', reject)
      .end();
  });
}

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** What comes until the other side ends. */
async function text(socket: Socket): Promise<string> {
  let all = '';
  for await (const chunk of socket) all += chunk;
  return all;
}
