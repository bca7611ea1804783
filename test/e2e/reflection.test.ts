/**
 * Server reflection, as a tool without any of our files meets it: HTTP/2 frames and protobuf fields by hand, no gRPC
 * library and no generated code. What grpcurl does before its first call.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { type ServedLog, serveLog } from './served-log.ts';

/** Field numbers of grpc.reflection.v1: requests, answers and what is in them. */
const FILE_CONTAINING_SYMBOL = 4;
const LIST_SERVICES = 7;
const FILE_DESCRIPTOR_RESPONSE = 4;
const LIST_SERVICES_RESPONSE = 6;

/** A protobuf field of text. */
function field(number: number, text: string): Buffer {
  const value = Buffer.from(text);
  assert.ok(value.length < 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
}

/** The length-delimited fields with this number; other fields of the types used here are passed over. */
function fields(message: Buffer, number: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    if ((key & 7) === 0) varint();
    else {
      assert.equal(key & 7, 2);
      const length = varint();
      if (key >> 3 === number) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}

describe('reflection without a gRPC library', () => {
  let log: ServedLog;
  before(async () => {
    log = await serveLog();
  });
  after(() => log.stop());

  async function ask(version: string, request: Buffer): Promise<Buffer> {
    const session = connect(`http://${log.grpc}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const trailers = once(stream, 'trailers');
    // A gRPC message: not compressed, its length, its bytes.
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(request.length, 1);
    stream.end(Buffer.concat([prefix, request]));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const [{ 'grpc-status': status }] = await trailers;
    session.close();
    assert.equal(status, '0');
    const answer = Buffer.concat(chunks);
    assert.equal(answer[0], 0);
    assert.equal(answer.readUInt32BE(1), answer.length - 5);
    return answer.subarray(5);
  }

  for (const version of ['v1', 'v1alpha']) {
    test(`${version} lists the services and describes each`, async () => {
      const [list] = fields(await ask(version, field(LIST_SERVICES, '*')), LIST_SERVICES_RESPONSE);
      const services = fields(list!, 1).map((service) => fields(service, 1)[0]!.toString());
      for (const service of ['RegistrationService', 'LogService', 'StateService']) {
        assert.ok(services.includes(`aichain.v1.${service}`), service);
      }
      assert.ok(services.includes('grpc.health.v1.Health'));
      for (const service of services) {
        const answer = await ask(version, field(FILE_CONTAINING_SYMBOL, service));
        const files = fields(fields(answer, FILE_DESCRIPTOR_RESPONSE)[0]!, 1);
        // FileDescriptorProto: package 2, service 6; ServiceDescriptorProto: name 1, method 2.
        const described = files.flatMap((file) =>
          fields(file, 6).map((found) => ({
            name: `${fields(file, 2)[0]}.${fields(found, 1)[0]}`,
            methods: fields(found, 2).length,
          })),
        );
        const own = described.find(({ name }) => name === service);
        assert.ok(own && own.methods > 0, `${service} is not described`);
      }
    });
  }
});
