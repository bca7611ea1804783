/**
 * What the client asks of a server, over whichever protocol. Everything that comes back is a claim: a transport
 * decodes it and gives failures their codes; it verifies nothing and remembers nothing.
 */
import { describeReason, type GateStep, type RequestOf } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { CodeClass } from '../core/codes.ts';
import { fail, type LedgerError } from '../core/errors.ts';
import type { ClaimedEntry, ClaimedFact, ClaimedTip, EffectProof } from '../verify/index.ts';
import type { ProvenanceTransport } from './claimed-lineage.ts';

export interface Call {
  /** Unix milliseconds after which the answer is of no use. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
}

/** An entry by its index or its entry id. */
export type EntryName = { readonly index: number } | { readonly entryId: Bytes };

export interface ClaimedInclusion {
  readonly index: number;
  readonly leafHash: Bytes;
  readonly path: readonly Bytes[];
  /** Signed note of the tree that the path is for. */
  readonly checkpoint: string;
}

export interface ClaimedEffect {
  readonly proof: EffectProof;
  readonly checkpoint: string;
}

export interface ClaimedFacts {
  readonly checkpoint: string;
  readonly tip: ClaimedTip;
  readonly facts: readonly ClaimedFact[];
}

/** What a registration is answered after: the entry is logged, or a head that covers it is witnessed as well. */
export type Wait = 'LOGGED' | 'WITNESSED';

/** What else a server says of a registration follows from the receipt or is of no use. */
export interface ClaimedRegistration {
  readonly receipt: Bytes;
  /** Signed note of the head that was waited for; null where none was. */
  readonly checkpoint: string | null;
}

/** Every method rejects with a LedgerError, or with the reason of the call's signal. */
export interface Transport {
  register(statement: Bytes, call: Call, wait?: Wait): Promise<ClaimedRegistration>;
  receipt(entryId: Bytes, call: Call): Promise<Bytes>;
  openBatches(): BatchChannel;
  /** The signed note of the head that the log answers at: the newest, or the last that its witnesses have cosigned. */
  checkpoint(call: Call): Promise<string>;
  /** @param size of the tree; when undefined the checkpoint's, or the newest where that does not cover the entry */
  inclusion(of: EntryName, size: number | undefined, call: Call): Promise<ClaimedInclusion>;
  consistency(from: number, to: number, call: Call): Promise<readonly Bytes[]>;
  entry(of: EntryName, call: Call): Promise<ClaimedEntry>;
  /** One page of at most `count` entries. */
  entries(start: number, count: number, call: Call): Promise<readonly ClaimedEntry[]>;
  effect(index: number, call: Call): Promise<ClaimedEffect>;
  facts(keys: readonly Bytes[], call: Call): Promise<ClaimedFacts>;
  /** The proof bundle, CBOR. @param from size of a tree that it has to be shown to extend */
  gate<Step extends GateStep>(
    step: Step,
    request: RequestOf<Step>,
    from: number | undefined,
    call: Call,
  ): Promise<Bytes>;
  /** Signed notes, the newest first and then each that is published; ends with the signal, or throws. */
  follow(signal: AbortSignal): AsyncIterable<string>;
  readonly provenance: ProvenanceTransport;
  close(): void;
}

/** Registers batches; several may be under way at once. */
export interface BatchChannel {
  /** One outcome for each statement, in order: its registration, or why there is none. */
  register(
    statements: readonly Bytes[],
    call: Call,
    wait?: Wait,
  ): Promise<readonly (ClaimedRegistration | LedgerError)[]>;
  /** Gives up what is under way. */
  close(): void;
}

/** Code and delay as a server states them. A text that cannot be a code is not passed on as one. */
export function isCode(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(text);
}

/** The class of any code; those that are not known here, a later version's kinds declared: refusals. */
export function classOf(code: string): CodeClass {
  return describeReason(code)?.class ?? 'refused';
}

/** @throws RESPONSE_MALFORMED */
export function present<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw fail('RESPONSE_MALFORMED', `the answer has no ${name}`);
  return value;
}

/** A size or index as it arrived. @throws RESPONSE_MALFORMED */
export function exact(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw fail('RESPONSE_MALFORMED', `${name} is not an index or size`);
  }
  return value;
}

/** Seconds, if what the server states is a number of them: at most an hour, since it may be anything. */
export function retryDelay(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof seconds === 'number' && seconds >= 0 ? Math.min(seconds, 3600) : undefined;
}
