/** Tiles that are answered before the framework: nobody can tell by the answer, and none of the server's duties is left out. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bytes } from '../../src/core/bytes.ts';
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
      // The last of an answer may be read before the server has heard that it left.
      await delay(50);
      observed.length = 0;
      await sent(port, get() + get() + get(LAST));
      while (observed.length < 3) await delay(5);
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

test('a kept tile is a request of its client like any other', async () => {
  const limits = () => new Limits({ requests: { points: 3, seconds: 60 } });
  for (const [first, second] of [
    [true, true],
    [true, false],
    [false, true],
  ]) {
    const { ledger, server, port, observed } = await start(true, { limits: limits() });
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
    while (observed.length < 5) await delay(5);
    assert.deepEqual(
      observed.map(({ status }) => status),
      [200, 200, 200, 429, 429],
    );
    await server.close(500);
  }
});

test('in one packet with others they pass the same door, one after the other', async () => {
  const { server, port } = await start(true, {
    limits: new Limits({ requests: { points: 3, seconds: 60 } }),
  });
  const answer = await sent(port, get() + get() + get() + get() + get(LAST));
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['200', '200', '200', '429', '429']);
  await server.close(500);
});

test('where a proxy is believed, the client is who the proxy names', async () => {
  const { server, port, ledger } = await start(true, {
    limits: new Limits({ requests: { points: 1, seconds: 60 } }),
    trustProxy: ['127.0.0.1'],
  });
  const from = async (client: string) =>
    (await sent(port, get(`x-forwarded-for: ${client}\r\n${LAST}`))).slice(9, 12);
  assert.deepEqual(
    [await from('192.0.2.1'), await from('192.0.2.2'), await from('192.0.2.1')],
    ['200', '200', '429'],
  );
  assert.equal(ledger.asked, 2);
  await server.close(500);
});

test('where clients need a certificate, nobody gets one without', async () => {
  const authority = new TestAuthority();
  const { server, port } = await start(true, {
    tls: { ...authority.issue('server'), clientCa: authority.cert },
  });
  const status = (client: object) =>
    new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        path: `/${PATH}`,
        agent: false,
        ca: authority.cert,
        ...client,
      };
      requestTls(options, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await status({}), 401);
  assert.equal(await status(authority.issue('reader')), 200);
  await server.close(500);
});

test('over TLS without client certificates they are the same', async () => {
  const authority = new TestAuthority();
  const { server, port, ledger } = await start(true, { tls: authority.issue('server') });
  const length = await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: `/${PATH}`, agent: false, ca: authority.cert };
    requestTls(options, (response) => {
      assert.ok(response.headers['strict-transport-security']);
      response.resume().on('end', () => resolve(response.headers['content-length']));
    })
      .on('error', reject)
      .end();
  });
  assert.equal(length, '8192');
  assert.equal(ledger.asked, 0);
  await server.close(500);
});

test('none is handed out once the server ends, and who waits for one is refused', async () => {
  const { server, port, ledger } = await start(true);
  let release = (): void => undefined;
  ledger.entries = () =>
    new Promise((resolve) => {
      release = () => resolve([]);
    });
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(get('', '/v1/entries?start=0'));
  await delay(50);
  const closing = server.close(60_000);
  await delay(20);
  socket.write(get());
  await delay(50);
  release();
  await once(socket, 'close');
  assert.deepEqual(
    text.match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(-3)),
    ['200', '503'],
  );
  assert.match(text, /\r\naichain-code: LOG_CLOSING\r\n/);
  await closing;
});
