import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { createHttpServer, type HttpServer } from '../../src/http/index.ts';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { TestAuthority } from '../service/test-certificates.ts';

describe('HTTP over TLS', () => {
  const authority = new TestAuthority();
  const server = authority.issue('server');
  const ledger = new FakeLedger();
  const limits = new Limits({ requests: null, statements: null });
  let plain: HttpServer;
  let mutual: HttpServer;
  let plainPort: number;
  let mutualPort: number;

  before(async () => {
    plain = await createHttpServer({ ledger, limits, tls: server });
    mutual = await createHttpServer({ ledger, limits, tls: { ...server, clientCa: authority.cert } });
    plainPort = await plain.listen('127.0.0.1', 0);
    mutualPort = await mutual.listen('127.0.0.1', 0);
  });
  after(() => Promise.all([plain.close(500), mutual.close(500)]));

  const post = (port: number, client: { cert?: string; key?: string } = {}) =>
    new Promise<{ status: number; code: unknown; hsts: unknown }>((resolve, reject) => {
      const outgoing = request(
        {
          ...{ host: '127.0.0.1', port, path: '/entries', method: 'POST', agent: false },
          ...{ ca: authority.cert, ...client },
          headers: { 'content-type': 'application/cose' },
        },
        (response) => {
          response.resume();
          const { 'aichain-code': code, 'strict-transport-security': hsts } = response.headers;
          response.on('end', () => resolve({ status: response.statusCode!, code, hsts }));
        },
      );
      outgoing.on('error', reject);
      outgoing.end('over tls');
    });

  test('without a client authority, anybody is served', async () => {
    const { status, hsts } = await post(plainPort);
    assert.equal(status, 201);
    assert.ok(hsts);
  });

  test('with one, the certificate names the client', async () => {
    assert.equal((await post(mutualPort, authority.issue('kms, 1'))).status, 201);
    assert.equal(ledger.callers.at(-1)?.client, 'subject:CN=kms\\, 1');
  });

  test('no certificate, or one of another authority: UNAUTHENTICATED, and nothing reaches the ledger', async () => {
    const before = ledger.callers.length;
    for (const client of [{}, new TestAuthority().issue('stranger')]) {
      assert.deepEqual(
        { ...(await post(mutualPort, client)), hsts: '' },
        { status: 401, code: 'UNAUTHENTICATED', hsts: '' },
      );
    }
    assert.equal(ledger.callers.length, before);
  });

  test('a certificate that the authority it names has not signed is refused, and the connection ends', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = connect({
        ...{ port: mutualPort, host: '127.0.0.1', ca: authority.cert },
        ...{ minVersion: version, maxVersion: version, ...new TestAuthority().issue('kms') },
      }).setEncoding('latin1');
      socket.write('GET /checkpoint HTTP/1.1\r\nhost: x\r\n\r\n');
      let text = '';
      for await (const chunk of socket) text += chunk;
      assert.match(text, /^HTTP\/1\.1 401 .*\r\naichain-code: UNAUTHENTICATED\r\n.*\}$/s, version);
    }
  });
});
