/**
 * A ledger in memory for the tests of the network surfaces: right in shape, wrong in every proof. What it does with
 * a statement is chosen by the statement's text: `refuse:CODE` fails with that code, `slow` waits for `release()`.
 */
import { createHash } from 'node:crypto';
import { type Bytes, concat, equal, toBase64url } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { isLedgerError, LedgerError } from '../../src/core/errors.ts';
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
import { noProvenance } from './no-provenance.ts';

const sha256 = (data: Bytes): Bytes => new Uint8Array(createHash('sha256').update(data).digest());
const hash = (name: string): Bytes => sha256(new TextEncoder().encode(name));

export class FakeLedger implements Ledger {
  readonly origin = 'log.example/0123456789abcdef';
  readonly verifierKey = 'log.example/0123456789abcdef+00000000+AQIDBA==';
  readonly genesis = hash('genesis');
  readonly simulated = true;
  readonly rules = hash('rules');

  readonly provenance = noProvenance;

  readonly statements: Bytes[] = [];
  readonly callers: Caller[] = [];
  readonly released: (() => void)[] = [];
  accepting = true;
  /** Thrown by the next read. */
  nextError: unknown = null;
  mostPending = 0;
  #pending = 0;
  readonly #followers = new Set<() => void>();

  async register(statement: Bytes, caller: Caller): Promise<Registration> {
    this.callers.push(caller);
    this.mostPending = Math.max(this.mostPending, ++this.#pending);
    try {
      return await this.#register(statement, caller);
    } finally {
      this.#pending--;
    }
  }

  async #register(statement: Bytes, caller: Caller): Promise<Registration> {
    if (!this.accepting) throw new LedgerError('LOG_READ_ONLY', 'read-only', { retryAfter: 30 });
    const text = new TextDecoder().decode(statement.subarray(0, 64));
    const code = /^refuse:([A-Z_]+)/.exec(text)?.[1];
    if (code === 'DEFECT') throw new TypeError('secret internals');
    if (code) throw new LedgerError(code, `refused with ${code}`, { retryAfter: 7 });
    if (text.startsWith('slow')) {
      await new Promise<void>((resolve, reject) => {
        this.released.push(resolve);
        caller.signal?.addEventListener('abort', () =>
          reject(new LedgerError('DEADLINE_EXCEEDED', 'not ready before the deadline')),
        );
      });
    }
    const entryId = sha256(statement);
    const known = this.statements.findIndex((other) => equal(sha256(other), entryId));
    if (known < 0) {
      this.statements.push(statement);
      for (const wake of this.#followers) wake();
    }
    const index = known < 0 ? this.statements.length - 1 : known;
    return { index, entryId, receipt: encode(['receipt', index]), existed: known >= 0 };
  }

  registerBatch(statements: readonly Bytes[], caller: Caller): Promise<(Registration | LedgerError)[]> {
    return Promise.all(
      statements.map((statement) =>
        this.register(statement, caller).catch((error: unknown) => {
          if (isLedgerError(error)) return error;
          throw error;
        }),
      ),
    );
  }

  /** Lets every `slow` registration go on. */
  release(): void {
    for (const resolve of this.released.splice(0)) resolve();
  }

  async receipt(entryId: Bytes): Promise<Registration> {
    this.#fail();
    const index = this.#index({ entryId });
    return { index, entryId, receipt: encode(['receipt', index]), existed: true };
  }

  head(): SignedHead {
    const size = this.statements.length;
    const checkpoint = `${this.origin}\n${size}\nroot\n\n— ${this.origin} sig\n`;
    return { size, root: hash(`root ${size}`), time: 1_700_000_000_000 + size, checkpoint };
  }

  checkpoint(): SignedHead {
    return this.head();
  }

  async *follow(signal: AbortSignal): AsyncIterable<SignedHead> {
    while (!signal.aborted) {
      yield this.head();
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#followers.delete(wake);
          resolve();
        };
        this.#followers.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
  }

  get followers(): number {
    return this.#followers.size;
  }

  async inclusion(of: { index: number } | { entryId: Bytes }, size?: number): Promise<Inclusion> {
    this.#fail();
    const index = this.#index(of);
    return { index, leafHash: hash('leaf'), path: concat(hash('a'), hash('b')), head: this.#head(size) };
  }

  async consistency(from: number, to?: number): Promise<Consistency> {
    this.#fail();
    if (from === 0) throw new LedgerError('ARGUMENT_INVALID', 'from 0');
    return { from, path: [hash('c')], head: this.#head(to), receipt: encode(['consistency']) };
  }

  async entry(of: { index: number } | { entryId: Bytes }): Promise<Entry> {
    this.#fail();
    return this.#entry(this.#index(of));
  }

  async entries(start: number, count: number): Promise<Entry[]> {
    this.#fail();
    const end = Math.min(start + count, this.statements.length);
    return Array.from({ length: Math.max(0, end - start) }, (_, i) => this.#entry(start + i));
  }

  #entry(index: number): Entry {
    const statement = this.statements[index]!;
    // Every third leaf plays a state entry.
    if (index % 3 === 2) return { index, leafData: encode(['state', index]), statement: null };
    return { index, leafData: sha256(statement), statement };
  }

  async effect(index: number): Promise<Effect> {
    this.#fail();
    return {
      index: this.#index({ index }),
      stateIndex: index + 1,
      stateEntry: encode(['state', index + 1]),
      statePath: [hash('s')],
      verdict: encode([index, 'ok', null]),
      verdictPath: [],
      verdictPosition: 0,
      verdictCount: 1,
      head: this.head(),
    };
  }

  keptTile(_path: string): Bytes | undefined {
    return undefined;
  }

  async tile(path: string): Promise<Bytes> {
    this.#fail();
    if (path === 'tile/0/000.p/2' || path === 'tile/entries/x001/000' || path === 'tile/statements/000') {
      return new TextEncoder().encode(path);
    }
    throw new LedgerError('NOT_FOUND', 'no such tile');
  }

  async facts(keys: readonly Bytes[], size?: number): Promise<Facts> {
    this.#fail();
    return {
      head: this.#head(size),
      tip: { index: 1, stateEntry: encode(['state', 1]), path: [hash('t')] },
      facts: keys.map((key, i) => ({ key, value: i % 2 ? null : encode(['value']), proof: encode([0]) })),
    };
  }

  async gate(step: string, request: Cbor, fromSize?: number): Promise<GateAnswer> {
    this.#fail();
    // What it was asked, so that a test sees what an adapter made of a request.
    return {
      decision: 'deny',
      reason: 'RELEASE_NOT_FOUND',
      detail: null,
      at: 1_700_000_000_000,
      bundle: encode([step, request, fromSize ?? null]),
    };
  }

  keySet(): Bytes {
    return encode([new Map([[1, 2]])]);
  }

  key(kid: Bytes): Bytes {
    if (!equal(kid, hash('kid'))) throw new LedgerError('NOT_FOUND', 'no such key');
    return encode(new Map([[1, 2]]));
  }

  static readonly kid = toBase64url(hash('kid'));

  status(): Status {
    const reason = this.accepting ? null : 'LOG_READ_ONLY';
    return { accepting: this.accepting, reason, size: this.statements.length, queued: 0 };
  }

  #fail(): void {
    const error = this.nextError;
    this.nextError = null;
    if (error) throw error;
  }

  #head(size: number | undefined): SignedHead {
    if (size !== undefined && size > this.statements.length) {
      throw new LedgerError('SIZE_NOT_AVAILABLE', `no tree of ${size}`);
    }
    return size === undefined ? this.head() : { ...this.head(), size };
  }

  #index(of: { index: number } | { entryId: Bytes }): number {
    const index =
      'index' in of ? of.index : this.statements.findIndex((other) => equal(sha256(other), of.entryId));
    if (index < 0 || index >= this.statements.length) throw new LedgerError('NOT_FOUND', 'no such entry');
    return index;
  }
}
