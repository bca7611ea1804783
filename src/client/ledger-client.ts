/**
 * The client: registers, reads and follows a log, and verifies everything on the way. Nothing that it returns is
 * the server's word; what cannot be verified is thrown, by its code.
 */
import type { GateStep, RequestOf, StateEntry } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { leafHash, verifyInclusion } from '../merkle/index.ts';
import { evaluateQuorum } from '../note/index.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { ClientTls } from '../platform/http-agent.ts';
import {
  type ClaimedEntry,
  checkExtends,
  DEFAULT_FRESHNESS,
  encodeModelEvidence,
  GENESIS_KEY,
  leftEdge,
  openHead,
  proven,
  type SignedTreeHead,
  type TreeHead,
  type Trust,
  type VerifiedEffect,
  verifyEffect,
  verifyEntry,
  verifyFacts,
  verifyRun,
  witnessPolicy,
} from '../verify/index.ts';
import { attempt, isRetryable, pause } from './attempt.ts';
import { type GateDecision, GateKeeper } from './gate-keeper.ts';
import { GrpcTransport } from './grpc-transport.ts';
import { HighWater } from './high-water.ts';
import { HttpTransport } from './http-transport.ts';
import { MarkFile, type Marks } from './mark-file.ts';
import { MisbehaviourFolder } from './misbehaviour-folder.ts';
import { collectModelEvidence } from './model-evidence.ts';
import { Nonces } from './nonces.ts';
import { ProvenanceClient } from './provenance.ts';
import { rememberingKey } from './receipt-key.ts';
import { type BatchOptions, Registrar, type Registration, type RegistrationOutcome } from './registrar.ts';
import type { Call, EntryName, Transport } from './transport.ts';

export interface ConnectOptions {
  /** `host:port`; what is used when both are given. */
  readonly grpc?: string;
  /** URL. */
  readonly http?: string;
  /** In the place of both: another way to a server. */
  readonly transport?: Transport;
  readonly trust: Trust;
  /** Default: node's. */
  readonly crypto?: Crypto;
  /** Makes gRPC use TLS; an https URL does without, if the system's authorities are enough. */
  readonly tls?: ClientTls;
  /** Milliseconds that one operation may take, all its attempts together (default 10,000). */
  readonly deadlineMs?: number;
  /** Attempts after the first, where the failure is one that passes (default 4). */
  readonly retries?: number;
  /** Where the marks survive a restart. One client for each file. Without it they are kept in memory. */
  readonly stateFile?: string;
  /** Where what convicts the log is kept, should it show two histories (`aichain verify` explains the files). */
  readonly evidenceDir?: string;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  /**
   * Gates answer although nobody but the operator vouches for the state (default false: they do not). Insecure: for
   * development, and for operators that are trusted anyway. Every answer of a gate repeats it.
   */
  readonly insecureTrustOperator?: boolean;
}

export interface CallOptions {
  /** In the place of the client's own. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A head under the log's signature, of one history with everything that was accepted before. */
export interface VerifiedHead extends SignedTreeHead {
  /** The signed note. */
  readonly checkpoint: string;
  /** Whether it meets the quorum of the trust file's policy. */
  readonly witnessed: boolean;
}

export interface VerifiedInclusion {
  readonly index: number;
  readonly leafHash: Bytes;
  readonly path: readonly Bytes[];
  readonly head: VerifiedHead;
}

/** An entry that is in the tree of `head`. */
export interface VerifiedEntry extends ClaimedEntry {
  readonly head: VerifiedHead;
}

export interface CurrentFacts {
  readonly head: VerifiedHead;
  readonly tip: StateEntry;
  /** In the order of the keys; null: there is no such record. */
  readonly values: readonly (Bytes | null)[];
}

/** The marks are those of its beginning: an answer is not stale because another one overtook it. */
interface Operation extends Call {
  readonly since: Marks;
}

const DEADLINE = 10_000;
const RETRIES = 4;
const PAGE = 1024;

export class LedgerClient {
  readonly trust: Trust;
  /** Descent, timelines and lists. */
  readonly provenance: ProvenanceClient;
  readonly #crypto: Crypto;
  readonly #transport: Transport;
  readonly #highWater: HighWater;
  readonly #registrar: Registrar;
  readonly #gates: GateKeeper;
  readonly #nonces: Nonces;
  readonly #deadline: number;
  readonly #retries: number;
  readonly #now: () => number;

  /**
   * Makes a client; the first request opens the connection.
   * @throws ARGUMENT_INVALID no address; CONFIG_INVALID, ORIGIN_MISMATCH the state file is damaged or another log's
   * @example
   * const client = await LedgerClient.connect({ grpc: 'localhost:8090', trust: parseTrust(nodeCrypto, text) });
   * const { index, receipt } = await client.register(statement);
   */
  static async connect(options: ConnectOptions): Promise<LedgerClient> {
    const { crypto = nodeCrypto, stateFile, evidenceDir: folder, retries = RETRIES } = options;
    const trust = { ...options.trust, receiptKey: rememberingKey(options.trust.receiptKey) };
    const file = stateFile === undefined ? undefined : new MarkFile(stateFile, trust);
    const transport = transportOf(options);
    const prove = (from: number, to: number, call: Call) =>
      attempt(retries, call, (each) => transport.consistency(from, to, each));
    const leaf = async (index: number, size: number, call: Call) => {
      const { leafHash: hash, path } = await attempt(retries, call, (each) =>
        transport.inclusion({ index }, size, each),
      );
      return { leafHash: hash, path };
    };
    const evidence =
      folder === undefined ? undefined : new MisbehaviourFolder({ crypto, trust, folder, leaf });
    try {
      const highWater = await HighWater.open(crypto, prove, file, evidence);
      return new LedgerClient(options, { crypto, trust, transport, highWater, retries });
    } catch (error) {
      transport.close();
      throw error;
    }
  }

  private constructor(
    { deadlineMs = DEADLINE, now = Date.now, insecureTrustOperator = false }: ConnectOptions,
    parts: { crypto: Crypto; trust: Trust; transport: Transport; highWater: HighWater; retries: number },
  ) {
    this.trust = parts.trust;
    this.#crypto = parts.crypto;
    this.#transport = parts.transport;
    this.#highWater = parts.highWater;
    this.#retries = parts.retries;
    this.#registrar = new Registrar(parts);
    this.#gates = new GateKeeper({ ...parts, now, insecureTrustOperator });
    this.#nonces = new Nonces(parts.crypto, now, parts.trust.freshnessSeconds ?? DEFAULT_FRESHNESS);
    this.#deadline = deadlineMs;
    this.#now = now;
    this.provenance = new ProvenanceClient({
      ...{ crypto: parts.crypto, ledger: this, now },
      ask: (request, options) =>
        this.#ask(this.#call(options), (call) => request(this.#transport.provenance, call)),
    });
  }

  /** The largest heads accepted so far. */
  get marks(): Marks {
    return this.#highWater.marks;
  }

  // --- registration -----------------------------------------------------------------------------------------------

  /**
   * Idempotent. @throws the log's refusal by its code; RECEIPT_INVALID, FORK, STALE the answer is not to be trusted
   * @param options `wait: 'WITNESSED'`: until a head that covers the entry meets the quorum of the trust file's policy.
   * @throws DEADLINE_EXCEEDED it was not in time; the entry may be logged. QUORUM_NOT_MET the log's policy asks for less
   * @example await client.register(statement, { wait: 'WITNESSED', deadlineMs: 30_000 });
   */
  register(statement: Bytes, options: CallOptions & Pick<BatchOptions, 'wait'> = {}): Promise<Registration> {
    return this.#registrar.register(statement, this.#call(options), options.wait);
  }

  /**
   * Registers many, in batches; one outcome for each, in order. The deadline is each batch's own.
   * @throws FORK, STALE; a refusal of one statement is its outcome
   * @example for await (const outcome of client.registerAll(statements)) …
   */
  registerAll(
    statements: Iterable<Bytes> | AsyncIterable<Bytes>,
    options: CallOptions & BatchOptions = {},
  ): AsyncGenerator<RegistrationOutcome, void, undefined> {
    return this.#registrar.registerAll(statements, () => this.#call(options), options);
  }

  /** A receipt for a statement that is in the log. @param entryId 32 bytes. @throws NOT_FOUND */
  getReceipt(entryId: Bytes, options?: CallOptions): Promise<Registration> {
    return this.#registrar.receipt(entryId, this.#call(options));
  }

  // --- heads --------------------------------------------------------------------------------------------------------

  /**
   * The head that the log answers at: the last that its witnesses have cosigned, or the newest where it has none. It may
   * be below the mark, as far as the log proves that it is of the same history.
   * @throws FORK, STALE, and what is wrong with the note
   */
  async getCheckpoint(options?: CallOptions): Promise<VerifiedHead> {
    const call = this.#call(options);
    return this.#accept(await this.#ask(call, (each) => this.#transport.checkpoint(each)), call);
  }

  /**
   * The head that the log published at this size: of one history with every other that was accepted.
   * @throws SIZE_NOT_AVAILABLE no tree of this size was published; FORK
   */
  async headAt(size: number, options?: CallOptions): Promise<VerifiedHead> {
    const call = this.#call(options);
    const { checkpoint } = await this.#ask(call, (each) =>
      this.#transport.inclusion({ index: size - 1 }, size, each),
    );
    const head = openHead(this.#crypto, this.trust, checkpoint);
    if (head.size !== size) throw fail('RESPONSE_MALFORMED', `the head is of ${head.size}, not of ${size}`);
    const policy = witnessPolicy(this.trust);
    const witnessed = policy !== undefined && evaluateQuorum(policy, head.cosignatures);
    await this.#highWater.accept({ ...head, signed: checkpoint }, witnessed, call);
    return { ...head, checkpoint, witnessed };
  }

  /** Every head from now on, the newest first. Goes on after a failure that passes. Ends with the signal. */
  async *follow({
    signal = new AbortController().signal,
  }: {
    signal?: AbortSignal;
  } = {}): AsyncGenerator<VerifiedHead, void, undefined> {
    let size = -1;
    for (let failures = 0; !signal.aborted; ) {
      const since = this.marks;
      try {
        for await (const note of this.#transport.follow(signal)) {
          failures = 0;
          const head = await this.#accept(note, { ...this.#call({ signal }), since });
          // After a reconnection the newest one comes again; one below it would be a step back.
          if (head.size < size) throw fail('STALE', `the log has gone back from ${size} to ${head.size}`);
          if (head.size === size) continue;
          size = head.size;
          yield head;
        }
        throw fail('UNAVAILABLE', 'the server ended the stream');
      } catch (error) {
        if (signal.aborted) return;
        if (!isRetryable(error) || failures >= this.#retries) throw error;
        await pause(failures++, error.retryAfter, { deadline: Number.POSITIVE_INFINITY, signal }).catch(
          () => {},
        );
      }
    }
  }

  /** Shows that the newest head extends one that the caller holds, and returns it. @throws FORK, STALE */
  async consistency(older: TreeHead, options?: CallOptions): Promise<VerifiedHead> {
    const call = this.#call(options);
    const head = await this.getCheckpoint(options);
    const needless = older.size === 0 || older.size >= head.size;
    const path = needless
      ? []
      : await this.#ask(call, (each) => this.#transport.consistency(older.size, head.size, each));
    checkExtends(this.#crypto, older, head, path);
    return head;
  }

  // --- entries ------------------------------------------------------------------------------------------------------

  /** That a leaf is in the newest tree. @throws NOT_FOUND, INCLUSION_INVALID */
  async inclusion(of: EntryName, options?: CallOptions): Promise<VerifiedInclusion> {
    const call = this.#call(options);
    const claim = await this.#ask(call, (each) => this.#transport.inclusion(of, undefined, each));
    const { index, leafHash: claimed, path, checkpoint } = claim;
    const leaf = 'entryId' in of ? leafHash(this.#crypto, of.entryId) : claimed;
    if ('index' in of && index !== of.index)
      throw fail('INCLUSION_INVALID', `the proof is for entry ${index}`);
    const head = await this.#accept(checkpoint, call);
    verifyInclusion(this.#crypto, { ...head, index, leafHash: leaf, proof: path });
    return { index, leafHash: leaf, path, head };
  }

  /** One entry. @throws NOT_FOUND, PREIMAGE_MISMATCH, INCLUSION_INVALID */
  async entry(of: EntryName, options?: CallOptions): Promise<VerifiedEntry> {
    const call = this.#call(options);
    const entry = await this.#ask(call, (each) => this.#transport.entry(of, each));
    if ('entryId' in of ? !equal(entry.leafData, of.entryId) : entry.index !== of.index) {
      throw fail('PREIMAGE_MISMATCH', 'the answer is another entry');
    }
    const { index, path, checkpoint } = await this.#ask(call, (each) =>
      this.#transport.inclusion({ index: entry.index }, undefined, each),
    );
    if (index !== entry.index) throw fail('INCLUSION_INVALID', `the proof is for entry ${index}`);
    const head = await this.#accept(checkpoint, call);
    verifyEntry(this.#crypto, head, entry, path);
    return { ...entry, head };
  }

  /**
   * Entries in order, all under one head; a page is verified with one proof. The deadline is each page's own.
   * @param start first index; @param count at most that many (default: to the end of the newest tree)
   */
  async *entries(
    start = 0,
    count: number = Number.MAX_SAFE_INTEGER,
    options?: CallOptions,
  ): AsyncGenerator<VerifiedEntry, void, undefined> {
    const head = await this.getCheckpoint(options);
    const end = Math.min(head.size, start + count);
    let edge: ReturnType<typeof leftEdge> | undefined;
    for (let next = start; next < end; ) {
      const call = this.#call(options);
      const want = Math.min(PAGE, end - next);
      const page = await this.#ask(call, (each) => this.#transport.entries(next, want, each));
      const last = page.at(-1);
      if (!last || page.length > want)
        throw fail('RESPONSE_MALFORMED', `${page.length} entries from ${next}`);
      const lastPath = await this.#path(next + page.length - 1, head, call);
      edge ??= leftEdge(next, head.size, page.length === 1 ? lastPath : await this.#path(next, head, call));
      edge = verifyRun(this.#crypto, head, edge, page, lastPath);
      for (const entry of page) yield { ...entry, head };
      next += page.length;
    }
  }

  async #path(index: number, { size }: TreeHead, call: Call): Promise<readonly Bytes[]> {
    return (await this.#ask(call, (each) => this.#transport.inclusion({ index }, size, each))).path;
  }

  /** What a logged statement did. @throws ARGUMENT_INVALID a state entry; NOT_FOUND, INCLUSION_INVALID */
  async effect(index: number, options?: CallOptions): Promise<VerifiedEffect> {
    const call = this.#call(options);
    const { proof, checkpoint } = await this.#ask(call, (each) => this.#transport.effect(index, each));
    const head = await this.#accept(checkpoint, call);
    return verifyEffect(this.#crypto, head, index, proof);
  }

  // --- state --------------------------------------------------------------------------------------------------------

  /**
   * What the state is now: the record under each key, or its proven absence, all under one head.
   * @param keys encoded, see stateKey
   * @throws FACT_INVALID, TIP_INVALID, QUORUM_NOT_MET; RULES_MISMATCH rules that the trust file does not accept
   * @throws STALE older than the trust file allows, or than what was seen before; FORK
   */
  async facts(keys: readonly Bytes[], options?: CallOptions): Promise<CurrentFacts> {
    const call = this.#call(options);
    // The genesis record comes with every answer: it says whose state this is.
    const asked = [GENESIS_KEY, ...keys];
    const answer = await this.#ask(call, (each) => this.#transport.facts(asked, each));
    const { crypto, trust } = { crypto: this.#crypto, trust: this.trust };
    const { head, witnessed, tip, facts } = proven(
      verifyFacts({ crypto, trust, ...answer, keys: asked, now: this.#now() }),
    );
    this.#notBelow(head, call);
    await this.#highWater.accept({ ...head, signed: answer.checkpoint }, witnessed, call);
    const verified = { ...head, witnessed, checkpoint: answer.checkpoint };
    return { head: verified, tip, values: facts.slice(1).map(({ value }) => value?.slice() ?? null) };
  }

  /** The present is never below what was seen: the witnessed mark, or, where nobody witnesses, the logged one. */
  #notBelow({ size }: TreeHead, { since: { logged, witnessed } }: Operation): void {
    const floor = witnessPolicy(this.trust) ? witnessed : logged;
    if (floor && size < floor.size) {
      throw fail('STALE', `the state of ${size}; that of ${floor.size} was seen before`);
    }
  }

  /**
   * Where a model comes from: a file that anybody can verify offline, with `verifyModel`. Call that before believing it.
   * @param model URN. @throws NOT_FOUND; REQUEST_TOO_LARGE; FORK, STALE
   */
  async modelEvidence(model: string, options?: CallOptions): Promise<Bytes> {
    const call = this.#call(options);
    const evidence = await collectModelEvidence(
      {
        crypto: this.#crypto,
        ask: (request) => this.#ask(this.#call(options), (each) => request(this.#transport, each)),
        timeline: (query) => this.provenance.timeline(query, { ...options, verify: false }),
        now: this.#now(),
      },
      model,
    );
    await this.#accept(evidence.checkpoint, call);
    return encodeModelEvidence(evidence);
  }

  // --- gates --------------------------------------------------------------------------------------------------------

  /**
   * Whether a step may be taken now: decided here, from what the log proves. A denial is an answer; whatever else is not a
   * verified allowance throws.
   * @throws REQUEST_MISMATCH, BUNDLE_INCOMPLETE, BUNDLE_MALFORMED, DECISION_MISMATCH, FACT_INVALID, TIP_INVALID: the
   * answer proves nothing; QUORUM_NOT_MET nobody but the operator vouches for the state; STALE, FORK; what is wrong
   * with the request; UNAVAILABLE, DEADLINE_EXCEEDED
   * @example if ((await client.check('run.start', request)).decision !== 'allow') return;
   */
  check<Asked extends GateStep>(
    step: Asked,
    request: RequestOf<Asked>,
    options?: CallOptions,
  ): Promise<GateDecision<Asked>> {
    if (step === 'key.release') {
      const released = this.checkKeyRelease(request as RequestOf<'key.release'>, options);
      return released as Promise<GateDecision<GateStep>> as Promise<GateDecision<Asked>>;
    }
    return this.#gates.check(step, request, this.#call(options));
  }

  /** May this version of a dataset be used as what it is registered for? @throws as {@link check} */
  checkDataset(request: RequestOf<'dataset.register'>, options?: CallOptions) {
    return this.check('dataset.register', request, options);
  }

  /** Is the contract with this text signed by everybody, and in force? @throws as {@link check} */
  checkContract(request: RequestOf<'contract.activate'>, options?: CallOptions) {
    return this.check('contract.activate', request, options);
  }

  /** May this clean room be brought up? @throws as {@link check} */
  checkCleanroom(request: RequestOf<'cleanroom.deploy'>, options?: CallOptions) {
    return this.check('cleanroom.deploy', request, options);
  }

  /** The nonce of one key release: into the key.release statement, and then into {@link checkKeyRelease}. 32 bytes. */
  drawNonce(): Bytes {
    return this.#nonces.draw();
  }

  /**
   * May this data key be handed over? Allowed at most once for each nonce: whoever asks again has to draw another.
   * @throws NONCE_INVALID not of {@link drawNonce}, older than the trust file's freshness, or used; as {@link check}
   */
  async checkKeyRelease(
    request: RequestOf<'key.release'>,
    options?: CallOptions,
  ): Promise<GateDecision<'key.release'>> {
    // The caller's own array may change while we wait.
    const asked = { ...request, nonce: request.nonce.slice(), wrapKid: request.wrapKid.slice() };
    this.#nonces.check(asked.nonce);
    const decision = await this.#gates.check('key.release', asked, this.#call(options));
    if (decision.decision === 'allow') this.#nonces.consume(asked.nonce);
    return decision;
  }

  /** May the training that was logged as this run begin? @throws as {@link check} */
  checkRunStart(request: RequestOf<'run.start'>, options?: CallOptions) {
    return this.check('run.start', request, options);
  }

  /** May the run have spent this much? @throws as {@link check} */
  checkBudgetSpend(request: RequestOf<'budget.spend'>, options?: CallOptions) {
    return this.check('budget.spend', request, options);
  }

  /** May the trained model be handed over? @throws as {@link check} */
  checkModelRelease(request: RequestOf<'model.release'>, options?: CallOptions) {
    return this.check('model.release', request, options);
  }

  /** May what is held be paid out? @throws as {@link check} */
  checkPayment(request: RequestOf<'payment.settle'>, options?: CallOptions) {
    return this.check('payment.settle', request, options);
  }

  close(): void {
    this.#transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The head of a note, under the log's signature and of the history seen so far. */
  async #accept(checkpoint: string, call: Operation): Promise<VerifiedHead> {
    const head = openHead(this.#crypto, this.trust, checkpoint);
    const policy = witnessPolicy(this.trust);
    const witnessed = policy !== undefined && evaluateQuorum(policy, head.cosignatures);
    const { witnessed: mark } = call.since;
    if (mark && head.size < mark.size) {
      throw fail('STALE', `a head of ${head.size}; a witnessed one of ${mark.size} was seen before`);
    }
    await this.#highWater.accept({ ...head, signed: checkpoint }, witnessed, call);
    return { ...head, checkpoint, witnessed };
  }

  #ask<T>(call: Call, request: (call: Call) => Promise<T>): Promise<T> {
    return attempt(this.#retries, call, request);
  }

  #call({ deadlineMs = this.#deadline, signal }: CallOptions = {}): Operation {
    return { deadline: Date.now() + deadlineMs, since: this.marks, ...(signal && { signal }) };
  }
}

function transportOf({ transport, grpc, http, tls }: ConnectOptions): Transport {
  if (transport) return transport;
  if (grpc !== undefined) return new GrpcTransport(grpc, tls);
  if (http !== undefined) return new HttpTransport(http, tls);
  throw fail('ARGUMENT_INVALID', 'the address of a server is needed');
}
