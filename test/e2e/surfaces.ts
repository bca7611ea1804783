/** Every way in which a statement can reach a log, each as a function from bytes to what became of them. */
import assert from 'node:assert/strict';
import type { ServiceError } from '@grpc/grpc-js';
import { type Bytes, fromBase64url, toBase64url } from '../../src/core/bytes.ts';
import { decode } from '../../src/core/cbor.ts';
import { aichain } from '../../src/proto/aichain.js';
import { describe, RawClient } from '../grpc/raw-client.ts';
import type { ServedLog } from './served-log.ts';

const v1 = aichain.v1;
const SERVICE = '/aichain.v1.RegistrationService';

export type Outcome =
  | { readonly entryId: Bytes; readonly existed?: boolean }
  /** `status` is the protocol's; null where one statement of a batch fails alone. */
  | { readonly code: string; readonly status: number | null };

export interface Surface {
  readonly name: string;
  readonly protocol: 'gRPC' | 'SCRAPI' | 'JSON';
  register(statement: Bytes): Promise<Outcome>;
}

export interface Surfaces {
  readonly all: readonly Surface[];
  /** What each surface says when it is asked for the entry: its reason code, or `found`. */
  lookUp(entryId: Bytes): Promise<Record<string, string>>;
  /** Sends a request message as it is, and gives the reason code of the answer. */
  rawGrpc(method: string, message: Bytes): Promise<string | undefined>;
  rawStream(message: Bytes): Promise<string | undefined>;
  rawHttp(path: string, type: string | undefined, body: BodyInit): Promise<string | undefined>;
  close(): void;
}

const base64 = (bytes: Bytes) => Buffer.from(bytes).toString('base64');

/** @param companion a statement that is in the log: it comes first in every batch, and must not suffer from the other */
export function surfacesOf(log: ServedLog, companion: Bytes): Surfaces {
  const client = new RawClient(log.grpc);

  async function stream(message: Bytes): Promise<Buffer> {
    const call = client.duplex(`${SERVICE}/RegisterStream`);
    call.end(Buffer.from(message));
    for await (const answer of call) return answer as Buffer;
    throw new Error('the stream ended without an answer');
  }

  function post(path: string, type: string | undefined, body: BodyInit): Promise<Response> {
    return fetch(log.http + path, { method: 'POST', body, headers: type ? { 'content-type': type } : {} });
  }

  async function json(request: object): Promise<{ status: number; answer: Record<string, unknown> }> {
    const response = await post('/v1/statements', 'application/json', JSON.stringify(request));
    return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
  }

  const all: Surface[] = [
    {
      name: 'gRPC Register',
      protocol: 'gRPC',
      register: async (statement) => {
        try {
          const message = v1.RegisterRequest.encode({ statement }).finish();
          const answer = v1.RegisterResponse.decode(await client.unary(`${SERVICE}/Register`, message));
          return registered(answer.registration);
        } catch (error) {
          return grpcFailure(error);
        }
      },
    },
    {
      name: 'gRPC RegisterStream',
      protocol: 'gRPC',
      register: async (statement) => {
        const request = { batchId: 7, statements: [companion, statement] };
        const answer = await stream(v1.RegisterStreamRequest.encode(request).finish());
        const { batchId, results } = v1.RegisterStreamResponse.decode(answer);
        assert.equal(batchId, 7);
        assert.equal(results?.length, 2);
        assert.equal(results[0]?.registration?.existed, true, 'the companion suffered');
        const { registration, failure } = results[1]!;
        return failure ? { code: failure.code!, status: null } : registered(registration);
      },
    },
    {
      name: 'SCRAPI POST /entries',
      protocol: 'SCRAPI',
      register: async (statement) => {
        const answer = await post('/entries', 'application/scitt-statement+cose', Uint8Array.from(statement));
        const body = new Uint8Array(await answer.arrayBuffer());
        const code = answer.headers.get('aichain-code');
        if (code === null) {
          return { entryId: fromBase64url(answer.headers.get('location')!.split('/').at(-1)!) };
        }
        const problem = decode(body) as ReadonlyMap<number, string>;
        assert.ok(problem.get(-2)?.startsWith(`${code}: `), 'body and header say different things');
        return { code, status: answer.status };
      },
    },
    {
      name: 'JSON /v1/statements',
      protocol: 'JSON',
      register: async (statement) => {
        const { status, answer } = await json({ statement: base64(statement) });
        if ('entryId' in answer) return registeredJson(answer);
        return { code: answer.code as string, status };
      },
    },
    {
      name: 'JSON /v1/statements, several',
      protocol: 'JSON',
      register: async (statement) => {
        const { status, answer } = await json({ statements: [companion, statement].map(base64) });
        // The request as a whole may be too large: then nothing of it was looked at.
        if ('code' in answer) return { code: answer.code as string, status };
        const [first, second] = answer.results as Record<string, Record<string, unknown>>[];
        assert.equal(first!.registration?.existed, true, 'the companion suffered');
        if (second!.registration) return registeredJson(second!.registration);
        return { code: second!.failure!.code as string, status: null };
      },
    },
  ];

  const codeOf = async (answer: Promise<Response>) => {
    const { headers, ok, body } = await answer;
    await body?.cancel();
    return ok ? 'found' : (headers.get('aichain-code') ?? 'no code');
  };
  const grpcCode = async (call: Promise<unknown>) => {
    try {
      await call;
      return 'found';
    } catch (error) {
      return grpcFailure(error).code;
    }
  };
  return {
    all,
    lookUp: async (entryId) => {
      const message = v1.GetRegistrationRequest.encode({ entryId }).finish();
      const name = toBase64url(entryId);
      const [grpc, scrapi, v1Json] = await Promise.all([
        grpcCode(client.unary(`${SERVICE}/GetRegistration`, message)),
        codeOf(fetch(`${log.http}/entries/${name}`)),
        codeOf(fetch(`${log.http}/v1/entries/${name}`)),
      ]);
      return { grpc, scrapi, json: v1Json };
    },
    rawGrpc: (method, message) => grpcCode(client.unary(`${SERVICE}/${method}`, message)),
    rawStream: (message) => grpcCode(stream(message)),
    rawHttp: (path, type, body) => codeOf(post(path, type, body)),
    close: () => client.close(),
  };
}

function registered(
  registration: aichain.v1.Registration.$Properties | null | undefined,
): Extract<Outcome, { entryId: Bytes }> {
  assert.ok(registration);
  return { entryId: new Uint8Array(registration.entryId!), existed: registration.existed ?? false };
}

function registeredJson(answer: Record<string, unknown>): Outcome {
  return { entryId: fromBase64url(answer.entryId as string), existed: answer.existed as boolean };
}

function grpcFailure(error: unknown): Extract<Outcome, { code: string }> {
  assert.ok(error instanceof Error && 'metadata' in error, String(error));
  const { status, code } = describe(error as ServiceError);
  return { status, code: String(code) };
}
