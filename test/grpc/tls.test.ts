import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import { createGrpcServer } from '../../src/grpc/index.ts';
import { aichain } from '../../src/proto/aichain.js';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { TestAuthority, type TestCertificate } from '../service/test-certificates.ts';
import { failure, RawClient } from './raw-client.ts';

test('gRPC over mutual TLS: the certificate names the client, strangers are not let in', async () => {
  const authority = new TestAuthority();
  const ledger = new FakeLedger();
  const server = createGrpcServer({
    ledger,
    limits: new Limits(),
    tls: { ...authority.issue('server'), clientCa: authority.cert },
  });
  const port = await server.listen('127.0.0.1', 0);
  const register = async (client?: TestCertificate) => {
    const creds = credentials.createSsl(
      Buffer.from(authority.cert),
      client ? Buffer.from(client.key) : null,
      client ? Buffer.from(client.cert) : null,
    );
    const connection = new RawClient(`localhost:${port}`, creds);
    const statement = new TextEncoder().encode('over tls');
    try {
      return await connection.unary(
        '/aichain.v1.RegistrationService/Register',
        aichain.v1.RegisterRequest.encode({ statement }).finish(),
        2000,
      );
    } finally {
      connection.close();
    }
  };
  try {
    await register(authority.issue('kms-1'));
    assert.equal(ledger.callers.at(-1)?.client, 'subject:CN=kms-1');
    assert.equal((await failure(register())).status, 14);
    assert.equal((await failure(register(new TestAuthority().issue('stranger')))).status, 14);
    assert.equal(ledger.callers.length, 1);
  } finally {
    await server.close(500);
  }
});

test('a connection that never begins its handshake does not hold up the end', async () => {
  const tls = new TestAuthority().issue('server');
  const server = createGrpcServer({ ledger: new FakeLedger(), limits: new Limits(), tls });
  const socket = connect(await server.listen('127.0.0.1', 0), '127.0.0.1');
  await once(socket, 'connect');
  const first = await Promise.race([server.close(100), once(socket, 'close')]);
  assert.equal(first, undefined, 'the server ended before the connection did');
  socket.destroy();
});
