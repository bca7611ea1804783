/** A gRPC client that sends and receives bytes, so that a test can send what no generated client would. */
import {
  Client,
  type ClientDuplexStream,
  credentials,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';

const raw = (bytes: Buffer) => bytes;

export class RawClient extends Client {
  constructor(address: string, creds = credentials.createInsecure()) {
    super(address, creds, { 'grpc.max_receive_message_length': -1 });
  }

  unary(path: string, request: Uint8Array, deadline?: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.makeUnaryRequest(
        path,
        raw,
        raw,
        Buffer.from(request),
        deadline === undefined ? {} : { deadline: Date.now() + deadline },
        (error, answer) => (error ? reject(error) : resolve(answer!)),
      );
    });
  }

  serverStream(path: string, request: Uint8Array) {
    return this.makeServerStreamRequest(path, raw, raw, Buffer.from(request));
  }

  duplex(path: string): ClientDuplexStream<Buffer, Buffer> {
    return this.makeBidiStreamRequest(path, raw, raw);
  }
}

/** The failure of a promise as status, reason code and retry delay. */
export async function failure(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    return describe(error as ServiceError);
  }
  throw new Error('it did not fail');
}

export function describe(error: { code: number; metadata: Metadata; details: string }) {
  const retry = error.metadata.get('retry-after')[0];
  return {
    status: error.code,
    code: error.metadata.get('aichain-code')[0],
    ...(retry === undefined ? {} : { retry: Number(retry) }),
  };
}
