import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import descriptor from 'protobufjs/ext/descriptor.js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/index.ts';
import { grpc } from '../../src/proto/aichain.js';
import { Limits } from '../../src/service/limits.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { RawClient } from './raw-client.ts';

const { ServerReflectionRequest, ServerReflectionResponse } = grpc.reflection.v1;
type Request = grpc.reflection.v1.ServerReflectionRequest.$Properties;

describe('server reflection', () => {
  let server: GrpcServer;
  let client: RawClient;
  before(async () => {
    server = createGrpcServer({ ledger: new FakeLedger(), limits: new Limits() });
    client = new RawClient(`127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  });
  after(async () => {
    client.close();
    await server.close(500);
  });

  async function ask(version: string, ...requests: Request[]) {
    const stream = client.duplex(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
    for (const request of requests)
      stream.write(Buffer.from(ServerReflectionRequest.encode(request).finish()));
    stream.end();
    const answers = [];
    for await (const bytes of stream) answers.push(ServerReflectionResponse.decode(bytes));
    return answers;
  }

  for (const version of ['v1', 'v1alpha']) {
    test(`${version} lists the services, as grpcurl asks for them`, async () => {
      const [answer] = await ask(version, { listServices: '*' });
      assert.deepEqual(
        answer?.listServicesResponse?.service?.map((service) => service.name),
        [
          'aichain.v1.GateService',
          'aichain.v1.LogService',
          'aichain.v1.ProvenanceService',
          'aichain.v1.RegistrationService',
          'aichain.v1.StateService',
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
        ],
      );
    });
  }

  test('a symbol gives its file and what that imports', async () => {
    const files = async (request: Request) => {
      const [answer] = await ask('v1', request);
      return answer?.fileDescriptorResponse?.fileDescriptorProto?.map((bytes) =>
        descriptor.FileDescriptorProto.decode(bytes),
      ) as unknown as { name: string; dependency: string[]; service: { name: string }[] }[] | undefined;
    };
    const state = await files({ fileContainingSymbol: 'aichain.v1.StateService' });
    assert.deepEqual(
      state?.map((file) => file.name),
      ['aichain/v1/state.proto', 'aichain/v1/log.proto'],
    );
    assert.equal(state?.[0]?.service[0]?.name, 'StateService');
    for (const symbol of [
      'aichain.v1.LogService.Follow',
      'aichain.v1.SignedHead',
      'aichain.v1.SignedHead.size',
    ]) {
      assert.equal((await files({ fileContainingSymbol: symbol }))?.[0]?.name, 'aichain/v1/log.proto');
    }
    assert.equal(
      (await files({ fileByFilename: 'grpc/health/v1/health.proto' }))?.[0]?.name,
      'grpc/health/v1/health.proto',
    );
  });

  test('what is not there is answered with an error on the same stream', async () => {
    const answers = await ask(
      'v1',
      { fileContainingSymbol: 'constructor' },
      { fileByFilename: '__proto__' },
      { fileContainingExtension: { containingType: 'aichain.v1.Entry', extensionNumber: 1 } },
      { allExtensionNumbersOfType: 'toString' },
      {},
      { listServices: '' },
    );
    assert.deepEqual(
      answers.map((answer) => answer.errorResponse?.errorCode ?? null),
      [5, 5, 5, 5, 5, null],
    );
  });
});
