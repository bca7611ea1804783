/**
 * What the ledger does for its callers, as one interface. gRPC and HTTP are thin adapters over it; everything they
 * answer comes from here. Every method that can fail throws a LedgerError whose code says why.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import type { LedgerError } from '../core/errors.ts';
import type { CosigningStatus, SignedHead } from '../log/index.ts';
import type { Provenance } from './provenance.ts';

export type { SignedHead } from '../log/index.ts';

/** Who calls: what rate limits and logs go by. */
export interface Caller {
  /** The client certificate's subject where there is mTLS, else the network address. */
  readonly client: string;
  /**
   * Aborts when the caller has gone or its deadline has passed: nobody waits for witnesses any more. What is admitted stays
   * admitted, and who serves the caller no longer listens. Asked for only where there is such a wait: it is made then.
   */
  readonly signal?: AbortSignal;
}

/** A statement's place in the log. */
export interface Registration {
  readonly index: number;
  /** 32 bytes: SHA-256 of the canonical statement. */
  readonly entryId: Bytes;
  /** COSE receipt of inclusion (RFC 9942), over the newest tree at the time of the answer. */
  readonly receipt: Bytes;
  /** True when the statement was in the log before this request. */
  readonly existed: boolean;
  /**
   * Only where it was waited for: the first head that meets the quorum of the log's witness policy and covers the
   * entry, the receipt being over this tree; null: there was none in time.
   */
  readonly witnessed?: SignedHead | null;
}

export interface Inclusion {
  readonly index: number;
  readonly leafHash: Bytes;
  /** RFC 9162 §2.1.3.1, leaf to root, 32 bytes each, one after the other. */
  readonly path: Bytes;
  readonly head: SignedHead;
}

export interface Consistency {
  readonly from: number;
  /** RFC 9162 §2.1.4.1. */
  readonly path: readonly Bytes[];
  readonly head: SignedHead;
  /** COSE receipt of consistency (RFC 9942); null from a copy of the log, which signs nothing. */
  readonly receipt: Bytes | null;
}

/** One leaf of the log. */
export interface Entry {
  readonly index: number;
  /** Statement: the 32-byte entry id. State entry: its CBOR, always longer than 32 bytes. */
  readonly leafData: Bytes;
  /** Canonical statement bytes; null for a state entry. */
  readonly statement: Bytes | null;
}

/** Shows what a logged statement did (FORMATS §4). */
export interface Effect {
  readonly index: number;
  readonly stateIndex: number;
  readonly stateEntry: Bytes;
  /** Inclusion path of the state entry in `head`. */
  readonly statePath: readonly Bytes[];
  /** CBOR of `[index, "ok" / "refused", reason / nil]`. */
  readonly verdict: Bytes;
  /** Inclusion path of the verdict under the state entry's effects root, and its place there. */
  readonly verdictPath: readonly Bytes[];
  readonly verdictPosition: number;
  readonly verdictCount: number;
  readonly head: SignedHead;
}

export interface Fact {
  /** CBOR array `[type, id, …]`. */
  readonly key: Bytes;
  /** CBOR record, or null: proven absent. */
  readonly value: Bytes | null;
  /** CBOR map proof (FORMATS §3). */
  readonly proof: Bytes;
}

export interface Facts {
  readonly head: SignedHead;
  readonly tip: { readonly index: number; readonly stateEntry: Bytes; readonly path: readonly Bytes[] };
  readonly facts: readonly Fact[];
}

/** What a gate answers. Only the bundle counts; the rest is what it says, for people and counters. */
export interface GateAnswer {
  readonly decision: 'allow' | 'deny';
  /** Reason code of a denial. */
  readonly reason: string | null;
  /** In plain words. */
  readonly detail: string | null;
  /** Unix milliseconds that everything was judged at. */
  readonly at: number;
  /** Proof bundle (FORMATS §6), CBOR. */
  readonly bundle: Bytes;
}

export interface Status {
  readonly accepting: boolean;
  /** Why not, when not accepting. */
  readonly reason: string | null;
  readonly size: number;
  readonly queued: number;
  /** Of a copy of the log, which accepts nothing: whether it follows the log. Left out by the log itself. */
  readonly following?: boolean;
  /** Null, or left out, where the log has no witness policy. */
  readonly witnessing?: CosigningStatus | null;
}

export interface Ledger {
  readonly provenance: Provenance;
  readonly origin: string;
  /** The checkpoint key, C2SP text form. */
  readonly verifierKey: string;
  /** 32-byte entry id of entry 0. */
  readonly genesis: Bytes;
  /** True when the genesis says that this is a log for development. */
  readonly simulated: boolean;
  /** 32-byte id of the rules in force. */
  readonly rules: Bytes;

  /**
   * Durable when it resolves. Idempotent: a statement that is there already answers with its receipt.
   * @param witnessedUntil Unix milliseconds: waits until the entry is witnessed too, see {@link Registration.witnessed},
   * but no longer. @throws ARGUMENT_INVALID the log has no witness policy
   */
  register(statement: Bytes, caller: Caller, witnessedUntil?: number): Promise<Registration>;
  /** The same for many; one outcome for each, in order. */
  registerBatch(
    statements: readonly Bytes[],
    caller: Caller,
    witnessedUntil?: number,
  ): Promise<(Registration | LedgerError)[]>;
  /** @throws NOT_FOUND */
  receipt(entryId: Bytes): Promise<Registration>;

  /** The newest head. */
  head(): SignedHead;
  /**
   * The head that answers are given at: the last one that meets the quorum of the log's witness policy, with its
   * cosignatures; the newest where there is no policy. @throws NOT_WITNESSED
   */
  checkpoint(): SignedHead;
  /** Every head published from now on, newest only when the reader is slow; ends with `signal`. */
  follow(signal: AbortSignal): AsyncIterable<SignedHead>;
  /** @throws NOT_FOUND, SIZE_NOT_AVAILABLE (only published sizes, and indexes below them) */
  inclusion(of: { index: number } | { entryId: Bytes }, size?: number): Inclusion | Promise<Inclusion>;
  /** @throws SIZE_NOT_AVAILABLE, ARGUMENT_INVALID (from 0 or above to) */
  consistency(from: number, to?: number): Promise<Consistency>;
  /** @throws NOT_FOUND */
  entry(of: { index: number } | { entryId: Bytes }): Promise<Entry>;
  /** Up to `count` entries from `start`, fewer at the end of the log or at 4 MiB; at least one if there is one. */
  entries(start: number, count: number): Promise<Entry[]>;
  /** @throws NOT_FOUND; ARGUMENT_INVALID for a state entry */
  effect(index: number): Promise<Effect>;
  /**
   * A tlog-tiles resource by its path: `tile/0/000`, `tile/entries/000.p/5`, `tile/statements/000`. Not to be written to:
   * others are given the same bytes. A bundle of large statements, which may have 256 MiB, comes in parts of a few. @throws NOT_FOUND
   */
  tile(path: string): Bytes | Promise<Bytes | AsyncIterable<Bytes>>;
  /** The same if it is at hand, else undefined. Whatever is no such path is not. */
  keptTile(path: string): Bytes | undefined;
  /** @throws SIZE_NOT_AVAILABLE when the state of that head is no longer held; NOT_WITNESSED */
  facts(keys: readonly Bytes[], size?: number): Promise<Facts>;

  /**
   * Whether a step may be taken now, with the proof. @param request of the step's form; @param fromSize of a tree that the
   * asker holds: the bundle then shows that its tree extends it. @throws NOT_WITNESSED, ARGUMENT_INVALID, and what is
   * wrong with the request
   */
  gate(step: string, request: Cbor, fromSize?: number): Promise<GateAnswer>;

  /** COSE_KeySet (CBOR) of the receipt keys. */
  keySet(): Bytes;
  /** One COSE_Key (CBOR). @throws NOT_FOUND */
  key(kid: Bytes): Bytes;
  status(): Status;
}
