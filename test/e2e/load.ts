/**
 * Clients that register as fast as they are answered, over both surfaces, and note whatever they are told. They stop
 * when the server does; what they had no answer for is kept, to be registered again.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { listSigningKeys, signForeign, signStatement } from '../../src/chain/index.ts';
import { GrpcTransport } from '../../src/client/grpc-transport.ts';
import { HttpTransport } from '../../src/client/http-transport.ts';
import { type BatchChannel, classOf } from '../../src/client/transport.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { History } from './history.ts';
import type { Addresses } from './server-process.ts';

/** 0 ≤ x < 1. */
export type Random = () => number;

const MEMBER = 'did:web:member.example';
const SRO = 'did:web:sro.aichain.localhost';
const PATIENCE = 30_000;
const POOL = 600;
const seconds = () => Math.floor(Date.now() / 1000);
const call = () => ({ deadline: Date.now() + PATIENCE });

export class Load {
  readonly #history: History;
  readonly #random: Random;
  readonly #key = crypto.generatePrivateKey('Ed25519');
  #joined = false;
  #count = 0;
  readonly #signed: Bytes[] = [];
  /** Sent, and not answered: in the log or not, nobody knows. */
  #unanswered: Bytes[] = [];
  readonly figures = { unanswered: 0, foundLogged: 0 };

  constructor(history: History, random: Random) {
    this.#history = history;
    this.#random = random;
  }

  /** Signs ahead, so that a server under load does not wait for its clients. */
  prepare(): void {
    while (this.#signed.length < POOL) this.#signed.push(this.#sign());
  }

  #sign(): Bytes {
    const x = this.#random();
    const size = x < 0.8 ? 100 : x < 0.99 ? 4_000 : 60_000;
    return signForeign(crypto, this.#key, {
      issuer: MEMBER,
      subject: `urn:example:${this.#count++}`,
      contentType: 'application/octet-stream',
      payload: crypto.randomBytes(1 + Math.floor(this.#random() * size)),
    });
  }

  next(count: number): Bytes[] {
    const batch = this.#signed.splice(0, count);
    while (batch.length < count) batch.push(this.#sign());
    return batch;
  }

  /**
   * The first thing in every life: the member joins, or what was left without an answer is registered again.
   * @param sro the development SRO's key
   */
  async settle({ grpc, http }: Connection, sro: () => PrivateKey): Promise<void> {
    if (!this.#joined) {
      const register = registration(this.#history.trust.origin, this.#key);
      const index = this.#history.receipt(
        crypto.sha256(register),
        (await http.register(register, call())).receipt,
      );
      const verify = verification(this.#history.trust.origin, sro(), index, crypto.sha256(register));
      this.#history.receipt(crypto.sha256(verify), (await grpc.register(verify, call())).receipt);
      this.#joined = true;
    }
    const again = this.#unanswered;
    this.#unanswered = [];
    const before = this.#history.size;
    const channel = grpc.openBatches();
    for (let at = 0; at < again.length; at += 100) {
      const batch = again.slice(at, at + 100);
      const answers = await channel.register(batch, call());
      answers.forEach((answer, i) => {
        if (isLedgerError(answer)) throw answer;
        const index = this.#history.receipt(crypto.sha256(batch[i]!), answer.receipt);
        if (index < before) this.figures.foundLogged += 1;
      });
    }
    channel.close();
  }

  /** Sends one batch and notes the answers. @param expected whether the server may be gone or going */
  async send(channel: BatchChannel, batch: readonly Bytes[], expected: () => boolean): Promise<void> {
    let answers: Awaited<ReturnType<BatchChannel['register']>>;
    try {
      answers = await channel.register(batch, call());
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      answers = batch.map(() => error);
    }
    answers.forEach((answer, i) => {
      const statement = batch[i]!;
      if (isLedgerError(answer)) {
        if (!expected() || classOf(answer.code) !== 'unavailable') throw answer;
        this.#unanswered.push(statement);
        this.figures.unanswered += 1;
      } else this.#history.receipt(crypto.sha256(statement), answer.receipt);
    });
  }
}

/** The clients' connections to one life of the server. */
export class Connection {
  readonly base: string;
  readonly grpc: GrpcTransport;
  readonly http: HttpTransport;

  constructor({ http, grpc }: Addresses) {
    this.base = http;
    this.grpc = new GrpcTransport(grpc);
    this.http = new HttpTransport(http);
  }

  close(): void {
    this.grpc.close();
    this.http.close();
  }
}

/** A crowd of clients at work; `ended` once all have seen that the server is gone. */
export class Crowd {
  /** Batches answered so far. */
  answered = 0;
  readonly ended: Promise<void>;
  #leaving = false;
  #waiting: (() => void)[] = [];
  readonly #stop = new AbortController();

  constructor(load: Load, history: History, connection: Connection, random: Random) {
    const { grpc, http } = connection;
    const streams = [grpc.openBatches(), grpc.openBatches(), grpc.openBatches(), http.openBatches()];
    const clients = streams.map(async (channel, i) => {
      const most = i === streams.length - 1 ? 3 : 60;
      while (!this.#leaving) {
        await load.send(channel, load.next(1 + Math.floor(random() * most)), () => this.#leaving);
        this.answered += 1;
        for (const wake of this.#waiting.splice(0)) wake();
      }
      channel.close();
    });
    this.ended = Promise.all([
      ...clients,
      this.#watch(async () => {
        for await (const note of grpc.follow(this.#stop.signal)) history.checkpoint(note);
      }),
      this.#watch(async () => {
        for (; !this.#leaving; await delay(7)) {
          const response = await fetch(`${connection.base}/checkpoint`);
          assert.equal(response.status, 200);
          history.checkpoint(await response.text());
        }
      }),
    ]).then(() => undefined);
    this.ended.catch(() => undefined);
  }

  /** From now on a failure is what a client has to expect. */
  leave(): void {
    this.#leaving = true;
  }

  /** Once the server has gone. */
  async left(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  /** Resolves when `count` batches have been answered. */
  async until(count: number): Promise<void> {
    while (this.answered < count) {
      await Promise.race([this.ended, new Promise<void>((resolve) => this.#waiting.push(resolve))]);
    }
  }

  async #watch(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!this.#leaving || (error as Error).name === 'AssertionError') throw error;
    }
  }
}

function registration(log: string, key: PrivateKey): Bytes {
  return signStatement(crypto, key, {
    log,
    kind: 'participant.register',
    issuer: MEMBER,
    issuedAt: seconds(),
    body: {
      did: MEMBER,
      roles: ['TDC'],
      keys: listSigningKeys(crypto, { log, owner: MEMBER, keys: [key] }),
      organisation: crypto.randomBytes(32),
      jurisdiction: 'IN',
      endpoints: [],
    },
  });
}

function verification(log: string, sro: PrivateKey, index: number, entry: Bytes): Bytes {
  return signStatement(crypto, sro, {
    log,
    kind: 'participant.verify',
    issuer: SRO,
    issuedAt: seconds(),
    refs: [{ rel: 'after', index, entry }],
    body: { did: MEMBER, decision: 'verified', roles: ['TDC'], evidence: crypto.randomBytes(32) },
  });
}
