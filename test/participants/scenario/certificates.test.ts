/** Certificates of a run: who has one is answered, and nobody else. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { Authority } from '../../../src/participants/scenario/certificates.ts';

const now = Date.now();

test('a certificate is of its authority, for this machine, for a day', () => {
  const authority = new Authority('authority', now);
  const { cert, key } = authority.issue('kms');
  const [root, leaf] = [new X509Certificate(authority.cert), new X509Certificate(cert)];
  assert.deepEqual([root.ca, leaf.ca], [true, false]);
  assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey));
  assert.equal(leaf.subject, 'CN=kms');
  assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(leaf.checkHost('localhost'), 'localhost');
  assert.equal(leaf.checkHost('example.com'), undefined);
  assert.ok(Date.parse(leaf.validTo) - now <= 86_400_000);
  assert.match(key, /^-----BEGIN PRIVATE KEY-----/);
  const other = new Authority('authority', now);
  assert.equal(leaf.verify(new X509Certificate(other.cert).publicKey), false);
});

test('both sides show theirs', async () => {
  const authority = new Authority('authority', now);
  const stranger = new Authority('authority', now);
  const server = createServer({
    ...{ ...authority.issue('server'), ca: authority.cert, requestCert: true, rejectUnauthorized: true },
  });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => socket.end('welcome'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async (own: object) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: authority.cert, ...own });
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    return text;
  };
  assert.equal(await ask(authority.issue('client')), 'welcome');
  assert.equal(await ask(stranger.issue('client')), '');
  assert.equal(await ask({}), '');
  assert.equal(await ask({ ...authority.issue('client'), ca: stranger.cert }), '');
  server.close();
});
