/** Participants and statements for a load, and the stream that carries it: batches over RegisterStream. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import protobuf from 'protobufjs/minimal.js';
import { signForeign, signStatement } from '../src/chain/index.ts';
import { type Bytes, toBase64url, utf8 } from '../src/core/bytes.ts';
import type { PrivateKey } from '../src/core/crypto.ts';
import { copiedTogether } from '../src/core/slab.ts';
import { SmallMap } from '../src/core/small-map.ts';
import { decodePrivateKey } from '../src/cose/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { aichain } from '../src/proto/aichain.js';
import { GrpcStream } from './grpc-stream.ts';
import { grpcMessage } from './http2-socket.ts';
import { registration } from './registration.ts';

const SRO = 'did:web:sro.aichain.localhost';
const SIGNED_AT_ONCE = 1000;
/** Characters of a statement of 400 bytes for its text, its issuer, and its number, which stands in it twice. */
const CHARACTERS = 221;
const { RegisterStreamRequest, RegisterStreamResponse } = aichain.v1;
const { Reader } = protobuf;

export interface Member {
  readonly did: string;
  readonly key: PrivateKey;
}

/** Registers a participant and lets the log's development SRO verify it. @param name in its DID: each needs another */
export async function enrol(
  stream: LoadStream,
  dataDir: string,
  log: string,
  algorithm: 'ES256' | 'Ed25519' = 'ES256',
  name = algorithm.toLowerCase(),
): Promise<Member> {
  const sro = decodePrivateKey(
    crypto,
    new Uint8Array(readFileSync(join(dataDir, 'keys/development-sro.cosekey'))),
  );
  const key = crypto.generatePrivateKey(algorithm);
  const did = `did:web:load-${name}.example`;
  const issuedAt = Math.floor(Date.now() / 1000);
  const [registered] = await stream.send([registration(log, { did, key }, issuedAt)]);
  const { index, entryId } = registered!;
  const verify = signStatement(crypto, sro, {
    ...{
      log,
      kind: 'participant.verify',
      issuer: SRO,
      issuedAt,
      refs: [{ rel: 'after', index, entry: entryId }],
    },
    body: { did, decision: 'verified', roles: ['TDC'], evidence: crypto.randomBytes(32) },
  });
  await stream.send([verify]);
  return { did, key };
}

/**
 * A foreign statement of 400 bytes, or one or two more where a length takes another byte. Its text is random: one that can
 * be compressed would be less to store than in life.
 */
export function statement({ did, key }: Member, n: number): Bytes {
  const length = CHARACTERS - did.length - 2 * String(n).length;
  const note = toBase64url(crypto.randomBytes(length)).slice(0, length);
  return signForeign(crypto, key, {
    issuer: did,
    subject: `urn:example:run:${n}`,
    contentType: 'application/json',
    payload: utf8(JSON.stringify({ run: n, epoch: n % 10, note })),
  });
}

/**
 * Statements that are signed before they are sent: a rate is the server's, not the load's.
 * @param by who signs them, in turn
 */
export async function signed(by: Member | readonly Member[], first: number, count: number): Promise<Bytes[]> {
  const members = 'did' in by ? [by] : by;
  const statements: Bytes[] = [];
  while (statements.length < count) {
    const some = Math.min(SIGNED_AT_ONCE, count - statements.length);
    const from = first + statements.length;
    // Of many thousands with memory of their own, every collection of the load's garbage would look at each.
    const made = Array.from({ length: some }, (_, i) =>
      statement(members[(from + i) % members.length]!, from + i),
    );
    statements.push(...copiedTogether(made));
    // A server takes a client that answers no ping for dead.
    await setImmediate();
  }
  return statements;
}

export interface Placed {
  readonly index: number;
  readonly entryId: Bytes;
  readonly receipt: Bytes;
}

/** A batch as it is sent: made ahead, so that what is left when its turn comes is the server's. */
export interface Batch {
  readonly id: number;
  /** As it is sent. */
  readonly message: Bytes;
  /** Statements in it. */
  readonly count: number;
}

interface Waiting {
  readonly count: number;
  /** The answer is wanted, not only that there is one. */
  readonly wanted: boolean;
  readonly resolve: (answer: Bytes | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** RegisterStream from a plain socket. */
export class LoadStream {
  readonly #stream: GrpcStream;
  readonly #waiting = new SmallMap<number, Waiting>();
  #next = 1;
  /** By what the stream ended: of what is asked from then on nothing would be heard. */
  #failure: Error | undefined;

  /** @param address host and port */
  constructor(address: string) {
    this.#stream = new GrpcStream(address, '/aichain.v1.RegistrationService/RegisterStream', {
      message: (answer) => this.#answered(answer),
      failed: (error) => {
        this.#failure = error;
        for (const { reject } of this.#waiting.values()) reject(error);
        this.#waiting.clear();
      },
    });
  }

  prepare(statements: readonly Bytes[]): Batch {
    const id = this.#next++;
    const request = { batchId: id, statements: statements as Uint8Array[] };
    const message = grpcMessage(RegisterStreamRequest.encode(request).finish());
    return { id, message, count: statements.length };
  }

  /** Resolves when all of the batch is logged. */
  async push(batch: Batch): Promise<void> {
    await this.#ask(batch, false);
  }

  /** The same, with the answer. */
  async ask(batch: Batch): Promise<Bytes> {
    return (await this.#ask(batch, true))!;
  }

  async send(statements: readonly Bytes[]): Promise<Placed[]> {
    return placedBy(await this.ask(this.prepare(statements)));
  }

  #ask({ id, message, count }: Batch, wanted: boolean): Promise<Bytes | undefined> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { count, wanted, resolve, reject });
      this.#stream.write(message);
    });
  }

  /** @param answer valid until this returns */
  #answered(answer: Bytes): void {
    const { id, logged, failed } = outline(answer);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!failed && logged === waiting?.count) {
      waiting.resolve(waiting.wanted ? new Uint8Array(answer) : undefined);
      return;
    }
    const failure = RegisterStreamResponse.decode(answer).results.find((result) => result.failure)?.failure;
    waiting?.reject(
      new Error(failure ? `${failure.code}: ${failure.message}` : 'not one result for each statement'),
    );
  }

  close(): void {
    this.#stream.close();
  }
}

/** Tags: of the answer's fields, and of a result that is a registration. */
const [BATCH_ID, RESULT, REGISTRATION] = [1 << 3, (2 << 3) | 2, (1 << 3) | 2];

/** The batch that is answered, and how its results begin: to decode receipts that nobody reads would be load. */
function outline(answer: Bytes): { id: number; logged: number; failed: boolean } {
  const reader = Reader.create(answer);
  let id = 0;
  let logged = 0;
  let failed = false;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === BATCH_ID) id = reader.uint32();
    else if (tag === RESULT) {
      const end = reader.uint32() + reader.pos;
      if (reader.pos < end && reader.uint32() === REGISTRATION) logged += 1;
      else failed = true;
      reader.pos = end;
    } else reader.skipType(tag & 7);
  }
  return { id, logged, failed };
}

/** @param answer without failures */
export function placedBy(answer: Bytes): Placed[] {
  return RegisterStreamResponse.decode(answer).results.map(({ registration }) => ({
    index: Number(registration!.index),
    entryId: registration!.entryId as Uint8Array,
    receipt: registration!.receipt as Uint8Array,
  }));
}

const BATCH = 64;
const IN_FLIGHT = 16;
/** One answer of so many statements is kept. */
const SAMPLE = 1024;

export interface Sampled extends Placed {
  readonly statement: Bytes;
}

/** A statement, and its place in its batch. */
interface Sent {
  readonly place: number;
  readonly statement: Bytes;
}

/**
 * Everything in batches, ready to be sent: what is made of them while the clock runs would be load.
 * @returns sends them, a few under way at a time, and gives some of the answers, to be verified
 */
export function prepareAll(stream: LoadStream, statements: readonly Bytes[]): () => Promise<Sampled[]> {
  const batches: { readonly batch: Batch; readonly sampled: Sent | undefined }[] = [];
  for (let from = 0; from < statements.length; from += BATCH) {
    const some = statements.slice(from, from + BATCH);
    // Not the first of each: another place in each.
    const place = (from / SAMPLE) % some.length;
    const sampled = from % SAMPLE === 0 ? { place, statement: some[place]!.slice() } : undefined;
    batches.push({ batch: stream.prepare(some), sampled });
  }
  return async () => {
    const answers: (Sent & { readonly answer: Bytes })[] = [];
    const rest = batches.values();
    const sender = async () => {
      for (const { batch, sampled } of rest) {
        if (!sampled) await stream.push(batch);
        else answers.push({ ...sampled, answer: await stream.ask(batch) });
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
    return answers.map(({ place, statement, answer }) => ({ ...placedBy(answer)[place]!, statement }));
  };
}
