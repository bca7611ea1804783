/** The ledger over one transparency log, or a verified copy of one. */
import {
  decodeStateEntry,
  effectsRoot,
  encodeStateEntry,
  encodeVerdict,
  readGenesis,
  verdictPath,
} from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { encodeKeySet, encodeListedKey, thumbprint } from '../cose/index.ts';
import {
  type Cosigning,
  inclusionReceipt,
  type LeafRecord,
  Lru,
  type ReceiptHead,
  type Sequenced,
} from '../log/index.ts';
import {
  entryBundle,
  parseEntryBundle,
  parseTilePath,
  statementBundle,
  TILE_WIDTH,
  tileWidth,
} from '../merkle/index.ts';
import { formatVerifierKey } from '../note/index.ts';
import { AnsweringHead } from './answering-head.ts';
import { answerGate } from './gate.ts';
import type {
  Caller,
  Consistency,
  Effect,
  Entry,
  Facts,
  GateAnswer,
  Inclusion,
  Ledger,
  Registration,
  SignedHead,
  Status,
} from './ledger.ts';
import { ProvenanceService } from './provenance-service.ts';
import type { ServedLog, ServedSnapshot } from './served-log.ts';

/** Bytes of statements in one answer of {@link LedgerService.entries}. */
const PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_ENTRIES = 1024;
const MAX_FACTS = 256;
/** Full tiles and bundles that are kept, all together and one: statements of the largest size would leave room for no other. */
const KEPT_TILES_BYTES = 16 * 1024 * 1024;
const KEPT_TILE_BYTES = 1024 * 1024;

export interface LedgerServiceOptions {
  /** Where the log has a witness policy. */
  readonly cosigning?: Cosigning;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  /** Told about every decision of a gate. */
  readonly decided?: (step: string, answer: Pick<GateAnswer, 'decision' | 'reason'>) => void;
}

/** A logged statement, and a head that covers it. */
type Receiptable = Omit<Sequenced, 'head'> & { readonly head: ReceiptHead };

export class LedgerService implements Ledger {
  readonly #crypto: Crypto;
  readonly #log: ServedLog;
  readonly #options: LedgerServiceOptions;
  readonly #answering: AnsweringHead;
  /** By path, as node sends them. They never change, and who copies the log begins where others begin. */
  readonly #fullTiles = new Lru<string, Buffer>(KEPT_TILES_BYTES);
  readonly provenance: ProvenanceService;
  readonly genesis: Bytes;
  readonly simulated: boolean;
  readonly rules: Bytes;

  /** @throws UNAVAILABLE when the log has no genesis */
  constructor(crypto: Crypto, log: ServedLog, options: LedgerServiceOptions = {}) {
    this.#crypto = crypto;
    this.#log = log;
    this.#options = options;
    this.#answering = new AnsweringHead(log, options.cosigning);
    this.provenance = new ProvenanceService(log, this.#answering);
    const { state, tip } = log.snapshot;
    const genesis = readGenesis((key) => state.get(key));
    if (!genesis) throw fail('LOG_CORRUPT', 'the state has no genesis');
    this.genesis = genesis.entry;
    this.simulated = genesis.simulated;
    this.rules = tip.rules;
  }

  get origin(): string {
    return this.#log.origin;
  }

  get verifierKey(): string {
    return formatVerifierKey(this.#log.publicKeys.checkpoint);
  }

  // --- registration -----------------------------------------------------------------------------------------------

  async register(statement: Bytes, caller: Caller, witnessedUntil?: number): Promise<Registration> {
    const [outcome] = await this.registerBatch([statement], caller, witnessedUntil);
    if (isLedgerError(outcome)) throw outcome;
    return outcome!;
  }

  async registerBatch(
    statements: readonly Bytes[],
    caller: Caller,
    witnessedUntil?: number,
  ): Promise<(Registration | LedgerError)[]> {
    if (witnessedUntil !== undefined) this.#answering.requireWitnesses();
    const outcomes = await this.#log.submitAll(statements);
    if (witnessedUntil !== undefined) {
      const { signal } = caller;
      const witnessed = (placed: Sequenced) =>
        this.#witnessed(placed, witnessedUntil, signal).catch(asOutcome);
      return Promise.all(outcomes.map((outcome) => (isLedgerError(outcome) ? outcome : witnessed(outcome))));
    }
    const registrations: (Registration | LedgerError)[] = [];
    for (const outcome of outcomes) {
      const made = isLedgerError(outcome) ? outcome : this.#registration(outcome);
      registrations.push(made instanceof Promise ? await made.catch(asOutcome) : made);
    }
    return registrations;
  }

  async #witnessed(placed: Sequenced, until: number, signal: AbortSignal | undefined): Promise<Registration> {
    const head = await this.#answering.witnessed(placed.index, until, signal);
    if (!head) return { ...(await this.#registration(placed)), witnessed: null };
    return { ...(await this.#registration({ ...placed, head })), witnessed: signedHead(head) };
  }

  /** Not a promise where nothing has to be read, as for what has just been logged: one is made for every statement. */
  #registration({ index, entryId, existed, head }: Receiptable): Registration | Promise<Registration> {
    const made = (hashes: Bytes): Registration => {
      return { index, entryId, existed, receipt: inclusionReceipt(head, index, hashes) };
    };
    const hashes = this.#log.inclusionHashes(index, head.size);
    return hashes instanceof Uint8Array ? made(hashes) : hashes.then(made);
  }

  async receipt(entryId: Bytes): Promise<Registration> {
    const index = await this.#indexOf({ entryId });
    return this.#registration({ index, entryId, existed: true, head: this.#log.receiptHead(index) });
  }

  // --- tree ---------------------------------------------------------------------------------------------------------

  head(): SignedHead {
    return this.#log.head;
  }

  checkpoint(): SignedHead {
    return this.#answering.checkpoint;
  }

  async *follow(signal: AbortSignal): AsyncIterable<SignedHead> {
    let sent = 0;
    while (!signal.aborted) {
      const { head } = this.#log;
      if (head.size > sent) {
        sent = head.size;
        yield signedHead(head);
        continue;
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          stop();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const stop = this.#log.onPublish(done);
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      });
    }
  }

  /** Not a promise where nothing has to be read for it, as for most that are asked for by their index. */
  inclusion(of: { index: number } | { entryId: Bytes }, size?: number): Inclusion | Promise<Inclusion> {
    if (!('index' in of && this.#isLogged(of.index)) || size !== undefined) return this.#inclusion(of, size);
    return this.#inclusionAt(of.index, this.#answering.covering(of.index));
  }

  async #inclusion(of: { index: number } | { entryId: Bytes }, size?: number): Promise<Inclusion> {
    const index = 'index' in of ? this.#logged(of.index) : await this.#indexOf(of);
    const head = size === undefined ? this.#answering.covering(index) : await this.#headAt(size);
    if (index >= head.size) throw fail('NOT_FOUND', `entry ${index} is not in the tree of ${head.size}`);
    return this.#inclusionAt(index, head);
  }

  #inclusionAt(index: number, head: SignedHead): Inclusion | Promise<Inclusion> {
    // Both are asked for before either is waited for.
    const leafHash = this.#log.leafHash(index);
    const path = this.#log.inclusionHashes(index, head.size);
    if (leafHash instanceof Uint8Array && path instanceof Uint8Array) return { index, leafHash, path, head };
    return Promise.all([leafHash, path]).then(([hash, hashes]) => ({
      index,
      leafHash: hash,
      path: hashes,
      head,
    }));
  }

  async consistency(from: number, to?: number): Promise<Consistency> {
    const head = await this.#headAt(to);
    if (!Number.isSafeInteger(from) || from < 1 || from > head.size) {
      throw fail('ARGUMENT_INVALID', `a consistency proof begins at a size from 1 to ${head.size}`);
    }
    const path = await this.#log.consistencyPath(from, head.size);
    return { from, path, head, receipt: this.#log.consistencyReceipt(from, head, path) };
  }

  async #headAt(size: number | undefined): Promise<SignedHead> {
    if (size === undefined) return this.head();
    return this.#answering.ofSize(size) ?? (await this.#log.headOf(size));
  }

  async #indexOf(of: { index: number } | { entryId: Bytes }): Promise<number> {
    if ('index' in of) return this.#logged(of.index);
    if (of.entryId.length !== 32) throw fail('ARGUMENT_INVALID', 'an entry id has 32 bytes');
    const index = await this.#log.indexOf(of.entryId);
    if (index === undefined) throw fail('NOT_FOUND', 'no statement with this entry id is in the log');
    return index;
  }

  #logged(index: number): number {
    if (!this.#isLogged(index)) throw fail('NOT_FOUND', `there is no entry ${index}`);
    return index;
  }

  #isLogged(index: number): boolean {
    return Number.isSafeInteger(index) && index >= 0 && index < this.#log.head.size;
  }

  // --- entries ------------------------------------------------------------------------------------------------------

  async entry(of: { index: number } | { entryId: Bytes }): Promise<Entry> {
    const index = await this.#indexOf(of);
    return this.#entry(index, await this.#log.record(index));
  }

  #entry(index: number, record: LeafRecord): Entry {
    return {
      index,
      leafData: this.#log.leafData(record),
      statement: record.isStateEntry ? null : record.bytes,
    };
  }

  async entries(start: number, count: number): Promise<Entry[]> {
    if (!Number.isSafeInteger(start) || start < 0 || !Number.isSafeInteger(count) || count < 1) {
      throw fail('ARGUMENT_INVALID', 'start is at least 0 and count at least 1');
    }
    const { size } = this.#log.head;
    const end = Math.min(size, start + Math.min(count, PAGE_ENTRIES));
    const page: Entry[] = [];
    let bytes = 0;
    while (start + page.length < end) {
      for (const record of await this.#log.run(start + page.length)) {
        if (start + page.length >= end) break;
        bytes += record.bytes.length;
        if (page.length > 0 && bytes > PAGE_BYTES) return page;
        page.push(this.#entry(start + page.length, record));
      }
    }
    return page;
  }

  async effect(index: number): Promise<Effect> {
    const { statement: _, ...effect } = await this.#entryAt(
      index,
      signedHead(this.#answering.covering(index)),
    );
    return effect;
  }

  async #entryAt(index: number, head: SignedHead): Promise<Effect & { readonly statement: Bytes }> {
    const run = await this.#log.run(await this.#indexOf({ index }));
    const [{ isStateEntry, bytes: statement }] = run as [LeafRecord];
    if (isStateEntry) throw fail('ARGUMENT_INVALID', `entry ${index} is a state entry`);
    const { stateIndex, stateEntry } = await this.#closing(index, run);
    const closing = decodeStateEntry(stateEntry);
    const first = closing.previous === null ? 0 : closing.previous + 1;
    const verdicts = (await this.#log.verdicts(stateIndex)) ?? plainVerdicts(first, stateIndex);
    // Nothing but this answer depends on stored verdicts, so it is here that they are checked.
    if (!equal(effectsRoot(this.#crypto, verdicts), closing.effectsRoot)) {
      throw fail('LOG_CORRUPT', `the stored verdicts do not hash to the effects root in entry ${stateIndex}`);
    }
    const position = index - first;
    return {
      statement,
      index,
      stateIndex,
      stateEntry,
      statePath: await this.#log.inclusionPath(stateIndex, head.size),
      verdict: encodeVerdict(verdicts[position]!),
      verdictPath: verdictPath(this.#crypto, verdicts, position),
      verdictPosition: position,
      verdictCount: verdicts.length,
      head,
    };
  }

  /** The state entry of the batch of leaf `index`, mostly in one row with it. @param run what begins with that leaf */
  async #closing(
    index: number,
    run: readonly LeafRecord[],
  ): Promise<{ stateIndex: number; stateEntry: Bytes }> {
    const at = run.findIndex(({ isStateEntry }) => isStateEntry);
    if (at >= 0) return { stateIndex: index + at, stateEntry: run[at]!.bytes };
    const stateIndex = await this.#log.closingStateEntry(index);
    return { stateIndex, stateEntry: (await this.#log.record(stateIndex)).bytes };
  }

  // --- tiles --------------------------------------------------------------------------------------------------------

  tile(path: string): Bytes | Promise<Bytes | AsyncIterable<Bytes>> {
    // Most are at hand, and are asked for often: what does not wait needs no promise.
    return this.keptTile(path) ?? this.#tile(path);
  }

  keptTile(path: string): Bytes | undefined {
    return this.#fullTiles.get(path);
  }

  async #tile(path: string): Promise<Bytes | AsyncIterable<Bytes>> {
    const { kind, index, width } = parseTilePath(path);
    const { size } = this.#log.head;
    const available = tileWidth(typeof kind === 'number' ? kind : 0, index, size);
    if (width > available) throw fail('NOT_FOUND', `${path} has ${available} hashes in the tree of ${size}`);
    if (kind === 'entries' && width < available && available === TILE_WIDTH) {
      // To be made again each time, it would have up to 256 MiB of statements read and hashed for a few kilobytes.
      const whole = (await this.tile(path.slice(0, path.lastIndexOf('.p/')))) as Bytes;
      return entryBundle(parseEntryBundle(whole).slice(0, width));
    }
    const tile = await (typeof kind === 'number'
      ? this.#log.hashTile(kind, index, width)
      : this.#bundle(kind, index, width));
    if (width === TILE_WIDTH && tile instanceof Uint8Array && tile.length <= KEPT_TILE_BYTES) {
      this.#fullTiles.set(path, Buffer.from(tile.buffer, tile.byteOffset, tile.byteLength), tile.length);
    }
    return tile;
  }

  async #bundle(
    kind: 'entries' | 'statements',
    index: number,
    width: number,
  ): Promise<Bytes | AsyncIterable<Bytes>> {
    const start = index * TILE_WIDTH;
    if (kind === 'entries') return entryBundle(await this.#leafData(start, width));
    const records = (await this.#log.bundle(index, this.#log.head.size, PAGE_BYTES)).slice(0, width);
    return records.length === width ? statementsOf(records) : this.#statements(start, width);
  }

  /** However slow its reader, no more than a row of it is held at a time. */
  async *#statements(start: number, count: number): AsyncIterable<Bytes> {
    for (let done = 0; done < count; ) {
      const records = (await this.#log.run(start + done)).slice(0, count - done);
      done += records.length;
      yield statementsOf(records);
    }
  }

  /** Leaf data is small, whatever the statements are: no more than a row of them is held at a time. */
  async #leafData(start: number, count: number): Promise<Bytes[]> {
    const data: Bytes[] = [];
    while (data.length < count) {
      const records = await this.#log.run(start + data.length);
      data.push(...records.map((record) => this.#log.leafData(record)));
    }
    return data.slice(0, count);
  }

  // --- state --------------------------------------------------------------------------------------------------------

  async facts(keys: readonly Bytes[], size?: number): Promise<Facts> {
    if (keys.length > MAX_FACTS) throw fail('ARGUMENT_INVALID', `at most ${MAX_FACTS} facts at a time`);
    const { head, state, tip } = this.#snapshotAt(size);
    const facts = keys.map((key) => state.fact(key));
    const stateEntry = encodeStateEntry(tip);
    const path = await this.#log.inclusionPath(tip.index, head.size);
    return { head: signedHead(head), tip: { index: tip.index, stateEntry, path }, facts };
  }

  /** Of the states that are held: the one that answers are given from, and the newest. */
  #snapshotAt(size: number | undefined): ServedSnapshot {
    if (size === undefined) return this.#answering.snapshot;
    const newest = this.#log.snapshot;
    if (size === newest.head.size) return { ...newest, head: this.#answering.ofSize(size) ?? newest.head };
    const answering = this.#answering.snapshot;
    if (size === answering.head.size) return answering;
    throw fail(
      'SIZE_NOT_AVAILABLE',
      `the state of the tree of ${size} is not held; the newest is ${newest.head.size}`,
    );
  }

  // --- gates --------------------------------------------------------------------------------------------------------

  async gate(step: string, request: Cbor, fromSize?: number): Promise<GateAnswer> {
    const { now = Date.now, decided } = this.#options;
    const question = { step, request, now: now(), ...(fromSize !== undefined && { fromSize }) };
    const answer = await answerGate(this.#log, this.#answering.snapshot, question, (index, head) =>
      this.#entryAt(index, head),
    );
    decided?.(step, answer);
    return answer;
  }

  // --- keys and status ----------------------------------------------------------------------------------------------

  keySet(): Bytes {
    return encodeKeySet(this.#crypto, [this.#log.publicKeys.receipt]);
  }

  key(kid: Bytes): Bytes {
    const { receipt } = this.#log.publicKeys;
    if (!equal(kid, thumbprint(this.#crypto, receipt)))
      throw fail('NOT_FOUND', 'the log has no receipt key with this thumbprint');
    return encodeListedKey(this.#crypto, receipt);
  }

  status(): Status {
    return { ...this.#log.status, size: this.#log.head.size, witnessing: this.#answering.status };
  }
}

/** @throws what is no LedgerError: a defect */
function asOutcome(error: unknown): LedgerError {
  if (isLedgerError(error)) return error;
  throw error;
}

function statementsOf(records: readonly LeafRecord[]): Bytes {
  return statementBundle(records.map((record) => (record.isStateEntry ? null : record.bytes)));
}

function signedHead({ size, root, time, checkpoint }: SignedHead): SignedHead {
  return { size, root, time, checkpoint };
}

function plainVerdicts(first: number, stateIndex: number) {
  return Array.from({ length: stateIndex - first }, (_, i) => ({
    index: first + i,
    outcome: 'ok' as const,
    reason: null,
  }));
}
