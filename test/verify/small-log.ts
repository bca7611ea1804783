/**
 * A log in memory that shares no code with src/log: the transition function over a world, trees by their recursive
 * definition, everything signed. Quick, the same every time, and easily made to lie.
 */
import {
  decide,
  effectsRoot,
  encodeStateEntry,
  encodeVerdict,
  readRequest,
  rulesId,
  type StateEntry,
  type Verdict,
  verdictPath,
} from '../../src/chain/index.ts';
import { type Bytes, concat, equal, fromHex, utf8 } from '../../src/core/bytes.ts';
import type { Cbor } from '../../src/core/cbor.ts';
import type { Crypto } from '../../src/core/crypto.ts';
import { fail, LedgerError } from '../../src/core/errors.ts';
import {
  encodeConsistencyReceipt,
  encodeCoseKey,
  encodeInclusionReceipt,
  encodeKeySet,
  receiptProtected,
  signTreeHead,
} from '../../src/cose/index.ts';
import {
  entryBundle,
  parseTilePath,
  statementBundle,
  TILE_WIDTH,
  tileWidth,
} from '../../src/merkle/index.ts';
import {
  type Cosigner,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  type NoteSignature,
  noteSigner,
  parseNote,
  signNote,
} from '../../src/note/index.ts';
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
} from '../../src/service/ledger.ts';
import { StateMap } from '../../src/statemap/index.ts';
import { encodeBundle, type Trust } from '../../src/verify/index.ts';
import { type Member, World } from '../chain/world.ts';
import * as tree from '../cose/tree.ts';
import { noProvenance } from '../service/no-provenance.ts';

type EntryName = { index: number } | { entryId: Bytes };

interface Leaf {
  readonly leafData: Bytes;
  readonly statement: Bytes | null;
  /** Of a statement. */
  readonly verdict?: Verdict;
  /** Of a state entry: the state that it stands for, and the place of the first statement that it closes. */
  readonly closes?: { readonly map: StateMap; readonly first: number; readonly time: number };
}

export class SmallLog implements Ledger {
  readonly crypto: Crypto;
  readonly world: World;
  readonly leaves: Leaf[];
  readonly simulated = true;
  readonly provenance = noProvenance;
  readonly rules: Bytes;
  /** Seconds between two commits. */
  pace = 1;
  /** What gates judge at, Unix milliseconds, if the log's own time is not later. */
  clock: () => number = () => 0;
  cosigners: { cosigner: Cosigner; at: () => number }[] = [];
  /** What witnesses elsewhere have answered, by the text of the checkpoint. */
  readonly gathered = new Map<string, readonly NoteSignature[]>();
  readonly #followers = new Set<() => void>();

  private constructor(crypto: Crypto, world: World, leaves: Leaf[]) {
    this.crypto = crypto;
    this.world = world;
    this.leaves = leaves;
    this.rules = rulesId(crypto);
  }

  /** With its genesis and one verified member. @param time before all that, Unix milliseconds */
  static begin(crypto: Crypto, origin?: string, time?: number): { log: SmallLog; member: Member } {
    const log = new SmallLog(crypto, World.empty(crypto, origin), []);
    const { world } = log;
    world.time = time ?? world.time;
    log.commit(world.genesis());
    const member = world.member('lab');
    log.commit(world.sign(member, 'participant.register', world.registration(member, ['TDC'])));
    log.commit(world.verification(member));
    return { log, member };
  }

  /** The same log by the same keys, going its own way from here. */
  fork(): SmallLog {
    const copy = new SmallLog(this.crypto, this.world.clone(), [...this.leaves]);
    for (const [text, signatures] of this.gathered) copy.gathered.set(text, signatures);
    copy.pace = this.pace;
    return copy;
  }

  /** Appends the statements, refused or not, and closes them with a state entry. Gives the index of the first. */
  commit(...statements: Bytes[]): number {
    const { world, crypto } = this;
    const first = this.leaves.length;
    world.advance(this.pace);
    for (const statement of statements) {
      const { verdict } = world.apply(statement);
      this.leaves.push({ leafData: crypto.sha256(statement), statement, verdict });
    }
    const map = StateMap.of(
      crypto,
      [...world.state].map(([key, value]) => [fromHex(key), value] as const),
    );
    const index = this.leaves.length;
    const stateEntry: StateEntry = {
      index,
      time: world.time,
      mapRoot: map.root,
      mapCount: map.count,
      rules: this.rules,
      previous: first === 0 ? null : first - 1,
      effectsRoot: effectsRoot(crypto, this.#verdicts(first, index)),
    };
    const leafData = encodeStateEntry(stateEntry);
    this.leaves.push({ leafData, statement: null, closes: { map, first, time: world.time } });
    // So that the world counts as the log does.
    const { applied } = world.entries.at(-1)!;
    world.entries.push({ statement: leafData, entry: undefined, applied, time: world.time });
    for (const wake of [...this.#followers]) wake();
    return first;
  }

  /** A foreign statement of the member. */
  statement(member: Member, text: string): Bytes {
    return this.world.foreign(member, { payload: utf8(text) });
  }

  get size(): number {
    return this.leaves.length;
  }
  get origin(): string {
    return this.world.origin;
  }
  get genesis(): Bytes {
    return this.leaves[0]!.leafData;
  }
  get service(): string {
    return `https://${this.origin}`;
  }
  get verifierKey(): string {
    return formatVerifierKey(this.#signer.verifierKey);
  }
  get #signer() {
    return noteSigner(this.crypto, this.origin, this.world.key('checkpoint'));
  }

  /** What a verifier of this log has in its trust file. */
  trust(more: Partial<Trust> = {}): Trust {
    return {
      origin: this.origin,
      genesis: this.genesis,
      checkpointKey: this.#signer.verifierKey,
      receiptKey: this.world.key('receipt', 'ES256').publicKey,
      service: this.service,
      rules: [this.rules],
      ...more,
    };
  }

  #data(size: number): Bytes[] {
    return this.leaves.slice(0, size).map((leaf) => leaf.leafData);
  }

  #verdicts(first: number, stateIndex: number): Verdict[] {
    return this.leaves.slice(first, stateIndex).map((leaf) => leaf.verdict!);
  }

  headAt(size = this.size): SignedHead {
    const closes = this.leaves[size - 1]?.closes;
    if (!closes) throw fail('SIZE_NOT_AVAILABLE', `no tree of ${size}`);
    const root = tree.root(this.#data(size));
    const note = parseNote(signNote(formatCheckpoint({ origin: this.origin, size, root }), [this.#signer]));
    const cosignatures = this.cosigners.map(({ cosigner, at }) => cosigner.cosign(note.text, at()));
    const signatures = [...note.signatures, ...cosignatures, ...(this.gathered.get(note.text) ?? [])];
    const checkpoint = formatNote({ ...note, signatures });
    return { size, root, time: closes.time, checkpoint };
  }

  receiptFor(index: number, size = this.size): Bytes {
    const { root, time } = this.headAt(size);
    const head = this.#receiptHead(size, time, 'inclusion', root);
    return encodeInclusionReceipt({
      ...head,
      size,
      index,
      path: tree.inclusionPath(index, this.#data(size)),
    });
  }

  #receiptHead(size: number, time: number, proof: 'inclusion' | 'consistency', root: Bytes) {
    const key = this.world.key('receipt', 'ES256');
    const { origin, service } = this;
    const kid = this.world.kid(key);
    const protectedBytes = receiptProtected({ kid, service, origin, time, size, proof });
    return { protectedBytes, signature: signTreeHead(key, protectedBytes, root) };
  }

  // --- Ledger -------------------------------------------------------------------------------------------------------

  async register(statement: Bytes, _caller?: Caller, witnessedUntil?: number): Promise<Registration> {
    const entryId = this.crypto.sha256(statement);
    const known = this.leaves.findIndex((leaf) => leaf.statement && equal(leaf.leafData, entryId));
    // Its cosigners answer at once.
    const witnessed = () => (witnessedUntil === undefined ? {} : { witnessed: this.head() });
    if (known >= 0) {
      return { index: known, entryId, receipt: this.receiptFor(known), existed: true, ...witnessed() };
    }
    const { verdict } = this.world.judge(statement);
    if (verdict.outcome === 'refused') throw new LedgerError(verdict.reason!, `refused: ${verdict.reason}`);
    const index = this.commit(statement);
    return { index, entryId, receipt: this.receiptFor(index), existed: false, ...witnessed() };
  }

  async registerBatch(
    statements: readonly Bytes[],
    caller?: Caller,
    witnessedUntil?: number,
  ): Promise<(Registration | LedgerError)[]> {
    const outcomes: (Registration | LedgerError)[] = [];
    for (const statement of statements) {
      outcomes.push(
        await this.register(statement, caller, witnessedUntil).catch((error: unknown) => {
          if (error instanceof LedgerError) return error;
          throw error;
        }),
      );
    }
    return outcomes;
  }

  async receipt(entryId: Bytes): Promise<Registration> {
    const index = this.#indexOf({ entryId });
    return { index, entryId, receipt: this.receiptFor(index), existed: true };
  }

  head(): SignedHead {
    return this.headAt();
  }

  checkpoint(): SignedHead {
    return this.head();
  }

  async *follow(signal: AbortSignal): AsyncIterable<SignedHead> {
    let sent = 0;
    while (!signal.aborted) {
      if (this.size > sent) {
        sent = this.size;
        yield this.head();
        continue;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#followers.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#followers.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
  }

  async inclusion(of: EntryName, size = this.head().size): Promise<Inclusion> {
    const index = this.#indexOf(of);
    const data = this.#data(size);
    const path = concat(...tree.inclusionPath(index, data));
    return { index, leafHash: tree.root([data[index]!]), path, head: this.headAt(size) };
  }

  async consistency(from: number, to = this.head().size): Promise<Consistency> {
    if (from < 1 || from > to) throw fail('ARGUMENT_INVALID', `from ${from} to ${to}`);
    const head = this.headAt(to);
    const path = tree.consistencyPath(from, this.#data(to));
    const signed = this.#receiptHead(to, head.time, 'consistency', head.root);
    return {
      from,
      path,
      head,
      receipt: encodeConsistencyReceipt({ ...signed, size1: from, size2: to, path }),
    };
  }

  async entry(of: EntryName): Promise<Entry> {
    return this.#entry(this.#indexOf(of));
  }

  async entries(start: number, count: number): Promise<Entry[]> {
    // Short pages, so that clients have to ask more than once.
    const end = Math.min(this.size, start + Math.min(count, 7));
    return Array.from({ length: Math.max(0, end - start) }, (_, i) => this.#entry(start + i));
  }

  #entry(index: number): Entry {
    const { leafData, statement } = this.leaves[index]!;
    return { index, leafData, statement };
  }

  async effect(index: number): Promise<Effect> {
    this.#indexOf({ index });
    if (!this.leaves[index]!.statement) throw fail('ARGUMENT_INVALID', 'a state entry');
    const head = this.head();
    const stateIndex = this.leaves.findIndex((leaf, i) => i > index && leaf.closes);
    const { first } = this.leaves[stateIndex]!.closes!;
    const verdicts = this.#verdicts(first, stateIndex);
    return {
      index,
      stateIndex,
      stateEntry: this.leaves[stateIndex]!.leafData,
      statePath: tree.inclusionPath(stateIndex, this.#data(head.size)),
      verdict: encodeVerdict(verdicts[index - first]!),
      verdictPath: verdictPath(this.crypto, verdicts, index - first),
      verdictPosition: index - first,
      verdictCount: verdicts.length,
      head,
    };
  }

  keptTile(): undefined {
    return undefined;
  }

  async tile(path: string): Promise<Bytes> {
    const { kind, index, width } = parseTilePath(path);
    const level = typeof kind === 'number' ? kind : 0;
    if (width > tileWidth(level, index, this.size)) throw fail('NOT_FOUND', 'no such tile');
    const leaves = (from: number, count: number) => this.leaves.slice(from * count, (from + 1) * count);
    const first = index * TILE_WIDTH;
    if (typeof kind === 'number') {
      const hash = (i: number) => tree.root(leaves(i, TILE_WIDTH ** level).map(({ leafData }) => leafData));
      return concat(...Array.from({ length: width }, (_, i) => hash(first + i)));
    }
    const items = this.leaves.slice(first, first + width);
    if (kind === 'entries') return entryBundle(items.map(({ leafData }) => leafData));
    return statementBundle(items.map(({ statement }) => statement));
  }

  async facts(keys: readonly Bytes[], size = this.head().size): Promise<Facts> {
    const head = this.headAt(size);
    const { leafData, closes } = this.leaves[size - 1]!;
    const { map } = closes!;
    const path = tree.inclusionPath(size - 1, this.#data(size));
    const facts = keys.map((key) => ({ key, value: map.get(key) ?? null, proof: map.prove(key) }));
    return { head, tip: { index: size - 1, stateEntry: leafData, path }, facts };
  }

  async gate(step: string, asked: Cbor, fromSize?: number): Promise<GateAnswer> {
    return this.gateAt(step, asked, { ...(fromSize !== undefined && { fromSize }) });
  }

  /** The answer of a gate at any tree that was published, judged at any time. */
  async gateAt(
    step: string,
    asked: Cbor,
    { size = this.head().size, at, fromSize }: { size?: number; at?: number; fromSize?: number } = {},
  ): Promise<GateAnswer> {
    const request = readRequest(step, asked);
    const { map, time } = this.leaves[size - 1]!.closes!;
    const judged = at ?? Math.max(time, this.clock());
    const decided = decide(step, request, judged, (key) => map.get(key));
    const { decision, reason } = decided;
    const { head, tip, facts } = await this.facts(decided.reads, size);
    const entries = await Promise.all(
      decided.evidence.map(async (index) => {
        const { stateIndex, stateEntry, statePath, verdict, verdictPath } = await this.effect(index);
        const effect = { stateIndex, stateEntry, path: statePath, verdict, verdictPath };
        const path = tree.inclusionPath(index, this.#data(size));
        return { index, statement: this.leaves[index]!.statement!, path, effect };
      }),
    );
    const consistency =
      fromSize !== undefined && fromSize <= size
        ? { consistency: { from: fromSize, path: tree.consistencyPath(fromSize, this.#data(size)) } }
        : {};
    const bundle = encodeBundle({
      ...{ step, request, at: judged, decision, reason, checkpoint: head.checkpoint },
      ...{ tip, facts, entries, ...consistency },
    });
    return { decision, reason, detail: decided.detail ?? null, at: judged, bundle };
  }

  #indexOf(of: EntryName): number {
    const index =
      'index' in of
        ? of.index
        : this.leaves.findIndex((leaf) => leaf.statement && equal(leaf.leafData, of.entryId));
    if (index < 0 || index >= this.head().size) throw fail('NOT_FOUND', 'no such entry');
    return index;
  }

  keySet(): Bytes {
    return encodeKeySet(this.crypto, [this.world.key('receipt', 'ES256').publicKey]);
  }

  key(): Bytes {
    return encodeCoseKey(this.world.key('receipt', 'ES256').publicKey);
  }

  status(): Status {
    return { accepting: true, reason: null, size: this.size, queued: 0 };
  }
}
