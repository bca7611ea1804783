/** The headers that every answer has: joined once, they are what setting each of them gives. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { createHttpServer } from '../../src/http/index.ts';
import { responseWith, securityHeaders, setHeaders } from '../../src/http/security-headers.ts';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';

const POLICY = 'content-security-policy';

async function answers(plain: boolean, tls: boolean) {
  const headers = securityHeaders({ tls, simulated: true });
  const ServerResponse = responseWith(headers)!;
  const app = Fastify({ ...(!plain && { http: { ServerResponse } }) });
  if (plain) setHeaders(app, headers);
  app.get('/bytes', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(Buffer.of(1, 2)),
  );
  app.get('/json', async () => ({ a: 'ü' }));
  app.get('/page', async (_request, reply) => reply.header(POLICY, "default-src 'self'").send('page'));
  app.get('/empty', async (_request, reply) => reply.code(204).send());
  app.get('/fails', async () => {
    throw new Error('as it should');
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const seen = [];
  for (const [path, method] of [
    ...[['/bytes'], ['/json'], ['/page'], ['/empty'], ['/fails'], ['/nothing'], ['/v1/%ff']],
    ...[
      ['/bytes', 'HEAD'],
      ['/json', 'OPTIONS'],
    ],
  ]) {
    const response = await fetch(`${base}${path}`, { method: method ?? 'GET' });
    const { date: _, ...rest } = Object.fromEntries(response.headers);
    seen.push({ path, method, status: response.status, headers: rest, body: await response.text() });
  }
  await app.close();
  return seen;
}

test('a response that has them from the beginning answers what a reply answers that sets each', async () => {
  for (const tls of [false, true]) {
    const [joined, set] = [await answers(false, tls), await answers(true, tls)];
    assert.deepEqual(
      joined.filter(({ path }) => path !== '/v1/%ff'),
      set.filter(({ path }) => path !== '/v1/%ff'),
    );
    // No hook is run for a path that cannot be decoded: there they come only this way.
    for (const { headers } of joined) assert.equal(headers['x-content-type-options'], 'nosniff');
    for (const { path, headers } of joined) {
      assert.equal(headers[POLICY]!.includes("default-src 'none'"), path !== '/page', path);
      assert.equal(headers['strict-transport-security'] !== undefined, tls);
      assert.equal(headers['aichain-simulated'], 'true');
      assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
      // How a page is shown is told to pages.
      assert.equal(headers['x-frame-options'], path === '/page' ? 'SAMEORIGIN' : undefined, path);
      assert.equal(headers['cross-origin-opener-policy'] !== undefined, path === '/page', path);
    }
  }
});

test('every answer of the server has them, and the page about the API its own policy', async () => {
  const { listen, close } = await createHttpServer({ ledger: new FakeLedger(), limits: new Limits() });
  const base = `http://127.0.0.1:${await listen('127.0.0.1', 0)}`;
  for (const path of ['/tile/statements/000', '/tile/0/999', '/v1/head', '/nothing', '/v1/%ff', '/healthz']) {
    const { headers } = await fetch(`${base}${path}`);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get(POLICY), "default-src 'none';frame-ancestors 'none'", path);
  }
  const page = await fetch(`${base}/v1/docs/`);
  assert.match(page.headers.get(POLICY)!, /script-src 'self'/);
  assert.ok(!page.headers.get(POLICY)!.includes(','), 'one policy, not two');
  assert.equal(page.headers.get('x-frame-options'), 'SAMEORIGIN');
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
  // What cannot be read as HTTP is answered past the framework.
  for (const [bytes, status] of [
    ['GARBAGE\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nmuch: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(new URL(base).port), '127.0.0.1').setEncoding('latin1');
    socket.write(bytes);
    let text = '';
    for await (const chunk of socket) text += chunk;
    assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text);
    for (const line of [
      ...[
        'x-content-type-options: nosniff',
        "content-security-policy: default-src 'none';frame-ancestors 'none'",
      ],
      ...['aichain-simulated: true', 'cache-control: no-store'],
    ]) {
      assert.ok(text.includes(`\r\n${line}\r\n`), line);
    }
  }
  await close(100);
});
