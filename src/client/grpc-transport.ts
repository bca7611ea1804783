/** The transport over gRPC: grpc-js with the static message code, one channel. */
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import type { GateStep, RequestOf } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { ClientTls } from '../platform/http-agent.ts';
import { aichain } from '../proto/aichain.js';
import type { ClaimedEntry } from '../verify/index.ts';
import { GrpcBatches, WAIT } from './grpc-batches.ts';
import { gateCall } from './grpc-gates.ts';
import { bufferOf, decoded, errorOf } from './grpc-message.ts';
import { grpcProvenance } from './grpc-provenance.ts';
import {
  type BatchChannel,
  type Call,
  type ClaimedRegistration,
  type EntryName,
  exact,
  present,
  type Transport,
  type Wait,
} from './transport.ts';

const v1 = aichain.v1;

const REGISTRATION = '/aichain.v1.RegistrationService';
const LOG = '/aichain.v1.LogService';
const STATE = '/aichain.v1.StateService';
const GATE = '/aichain.v1.GateService';

/** Largest answer: a page of entries has 4 MiB of statements, or one entry. */
const MAX_MESSAGE = 16 << 20;

interface Shape<Request, Response> {
  encode(message: Request): { finish(): Bytes };
  decode(bytes: Bytes): Response;
}

export class GrpcTransport implements Transport {
  readonly #client: Client;
  readonly provenance = grpcProvenance((path, request, response, message, call) =>
    this.#unary(path, shapeOf(request, response), message, call),
  );

  /** @param address `host:port` */
  constructor(address: string, tls?: ClientTls) {
    this.#client = new Client(address, channelCredentials(tls), {
      'grpc.max_receive_message_length': MAX_MESSAGE,
      'grpc.max_send_message_length': MAX_MESSAGE,
      // Retries are ours: they know the codes.
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 5000,
      'grpc.keepalive_time_ms': 60_000,
    });
  }

  async register(statement: Bytes, call: Call, wait: Wait = 'LOGGED'): Promise<ClaimedRegistration> {
    const shape = shapeOf(v1.RegisterRequest, v1.RegisterResponse);
    const request = { statement, wait: WAIT[wait] };
    const { registration } = await this.#unary(`${REGISTRATION}/Register`, shape, request, call);
    const { receipt, head } = present(registration, 'registration');
    return { receipt, checkpoint: head?.checkpoint ?? null };
  }

  async receipt(entryId: Bytes, call: Call): Promise<Bytes> {
    const shape = shapeOf(v1.GetRegistrationRequest, v1.GetRegistrationResponse);
    const { registration } = await this.#unary(`${REGISTRATION}/GetRegistration`, shape, { entryId }, call);
    return present(registration, 'registration').receipt;
  }

  openBatches(): BatchChannel {
    return new GrpcBatches(() =>
      this.#client.makeBidiStreamRequest(`${REGISTRATION}/RegisterStream`, raw, raw),
    );
  }

  async checkpoint(call: Call): Promise<string> {
    const shape = shapeOf(v1.GetCheckpointRequest, v1.GetCheckpointResponse);
    return noteOf(await this.#unary(`${LOG}/GetCheckpoint`, shape, {}, call));
  }

  async inclusion(of: EntryName, size: number | undefined, call: Call) {
    const shape = shapeOf(v1.GetInclusionRequest, v1.GetInclusionResponse);
    const request = { ...of, ...(size !== undefined && { size }) };
    const answer = await this.#unary(`${LOG}/GetInclusion`, shape, request, call);
    const { leafHash, path } = answer;
    return { index: exact(answer.index, 'index'), leafHash, path, checkpoint: noteOf(answer) };
  }

  async consistency(from: number, to: number, call: Call): Promise<readonly Bytes[]> {
    const shape = shapeOf(v1.GetConsistencyRequest, v1.GetConsistencyResponse);
    return (await this.#unary(`${LOG}/GetConsistency`, shape, { from, to }, call)).path;
  }

  async entry(of: EntryName, call: Call): Promise<ClaimedEntry> {
    const shape = shapeOf(v1.GetEntryRequest, v1.GetEntryResponse);
    const { entry } = await this.#unary(`${LOG}/GetEntry`, shape, of, call);
    return entryOf(present(entry, 'entry'));
  }

  async entries(start: number, count: number, call: Call): Promise<ClaimedEntry[]> {
    const request = v1.GetEntriesRequest.encode({ start, count }).finish();
    const page: ClaimedEntry[] = [];
    for await (const bytes of this.#stream(`${LOG}/GetEntries`, request, call)) {
      const { entries } = decoded(v1.GetEntriesResponse, bytes);
      page.push(...entries.map(entryOf));
      // A server that sends more than was asked for would fill our memory.
      if (page.length >= count) break;
    }
    return page.slice(0, count);
  }

  async effect(index: number, call: Call) {
    const shape = shapeOf(v1.GetEffectRequest, v1.GetEffectResponse);
    const answer = await this.#unary(`${LOG}/GetEffect`, shape, { index }, call);
    const { stateEntry, statePath: path, verdict, verdictPath } = answer;
    const stateIndex = exact(answer.stateIndex, 'state index');
    return { proof: { stateIndex, stateEntry, path, verdict, verdictPath }, checkpoint: noteOf(answer) };
  }

  async facts(keys: readonly Bytes[], call: Call) {
    const shape = shapeOf(v1.GetFactsRequest, v1.GetFactsResponse);
    const answer = await this.#unary(`${STATE}/GetFacts`, shape, { keys: [...keys] }, call);
    const { index, stateEntry, path } = present(answer.tip, 'tip');
    return {
      checkpoint: noteOf(answer),
      tip: { index: exact(index, 'index'), stateEntry, path },
      facts: answer.facts.map(({ key, value, proof }) => ({ key, value, proof })),
    };
  }

  async gate<Step extends GateStep>(
    step: Step,
    request: RequestOf<Step>,
    from: number | undefined,
    call: Call,
  ) {
    const { method, message, decode } = gateCall(step, request, from);
    const shape = { encode: () => ({ finish: () => message }), decode };
    const { answer } = await this.#unary(`${GATE}/${method}`, shape, undefined, call);
    return present(present(answer, 'answer').bundle, 'bundle');
  }

  async *follow(signal: AbortSignal): AsyncIterable<string> {
    const request = v1.FollowRequest.encode({}).finish();
    const call = { deadline: Number.POSITIVE_INFINITY, signal };
    for await (const bytes of this.#stream(`${LOG}/Follow`, request, call)) {
      yield noteOf(decoded(v1.FollowResponse, bytes));
    }
  }

  close(): void {
    this.#client.close();
  }

  #unary<Request, Response>(
    path: string,
    shape: Shape<Request, Response>,
    request: Request,
    { deadline, signal }: Call,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const message = bufferOf(shape.encode(request).finish());
      const call = this.#client.makeUnaryRequest(path, raw, raw, message, { deadline }, (error, answer) => {
        signal?.removeEventListener('abort', abort);
        if (error) return reject(signal?.aborted ? signal.reason : errorOf(error));
        try {
          resolve(decoded(shape, present(answer, 'message')));
        } catch (cause) {
          reject(cause);
        }
      });
      const abort = () => call.cancel();
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
    });
  }

  async *#stream(path: string, request: Bytes, { deadline, signal }: Call): AsyncIterable<Bytes> {
    const call = this.#client.makeServerStreamRequest(path, raw, raw, bufferOf(request), { deadline });
    const abort = () => call.cancel();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      for await (const message of call) yield message as Bytes;
    } catch (error) {
      throw signal?.aborted ? signal.reason : errorOf(error as ServiceError);
    } finally {
      signal?.removeEventListener('abort', abort);
      // Cancelling ends a call that the reader has left; the error that this makes is nobody's.
      call.on('error', () => {});
      call.cancel();
    }
  }
}

const raw = (bytes: Buffer) => bytes;

function shapeOf<Request, Response>(
  request: Pick<Shape<Request, never>, 'encode'>,
  response: Pick<Shape<never, Response>, 'decode'>,
): Shape<Request, Response> {
  return {
    encode: (message) => request.encode(message),
    decode: (bytes) => response.decode(bytes),
  };
}

function noteOf({ head }: { head: aichain.v1.SignedHead | null }): string {
  return present(head, 'head').checkpoint;
}

function entryOf({ index, leafData, statement }: aichain.v1.Entry): ClaimedEntry {
  return { index: exact(index, 'index'), leafData, statement: statement ?? null };
}

function channelCredentials(tls: ClientTls | undefined) {
  if (!tls) return credentials.createInsecure();
  const pem = (text: string | Uint8Array | undefined) => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
}
