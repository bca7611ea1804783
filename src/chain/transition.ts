/**
 * The transition function: the law of the log. For any bytes at any place it gives a verdict, and for those that are
 * accepted the changes of the state map. It is a pure function of the log's bytes and the state, and total: every
 * replayer, in whatever language, comes to the same state.
 *
 * Admission asks it first, so an honest log holds no refused statement; one that is forced in changes nothing.
 * Order of judgement, the first that fails names the reason: envelope, signer, state.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { type AnyContext, type Denial, isDenial } from './kind.ts';
import { kindNamed } from './kinds/index.ts';
import { type LoggedEntry, placementFault } from './placement.ts';
import { policyAt } from './policy.ts';
import type { Reason } from './reason.ts';
import type { StateReader, Write } from './record.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { rulesId } from './rules.ts';
import { authenticate } from './signer.ts';
import type { Verified } from './signing-key.ts';
import { GENESIS, POLICY } from './state.ts';
import type { Verdict } from './state-entry.ts';
import { parseStatement, type Statement } from './statement.ts';

export type { LoggedEntry } from './placement.ts';

export interface TransitionInput {
  readonly crypto: Crypto;
  readonly origin: string;
  /** Index of the entry. */
  readonly index: number;
  /** t: Unix milliseconds of the state entry that closes the batch, the same for all of the batch. */
  readonly time: number;
  /** As it is in the log: canonical, if the log is honest. */
  readonly statement: Bytes;
  /** `statement` as parseStatement read it, where that was done before. */
  readonly parsed?: Statement;
  /** The state as all entries before this one left it. */
  readonly read: StateReader;
  /** Index of the first entry with this id, if it is before this one; earlier ones of the same batch count. */
  readonly entryIndex: (entryId: Bytes) => number | undefined;
  /** The accepted statement at an earlier index: undefined for state entries, refused ones, and beyond the end. */
  readonly entryAt: (index: number) => LoggedEntry | undefined;
  /** Admission verified this very statement before. Without it, the signature is verified here. */
  readonly verified?: Verified;
}

export interface Transition {
  readonly verdict: Verdict & { readonly reason: Reason | null };
  /** Changes of the state map; none when refused. */
  readonly writes: readonly Write[];
  /** Absent when the bytes are no statement. */
  readonly statement?: Statement;
  /** For the sender of a refused statement, in plain words; no part of the verdict. */
  readonly detail?: string;
}

/** What the derived index must be asked before {@link transition}: its `entryIndex` and `entryAt` ask no more. */
export function lookupsFor(statement: Statement): { entryIds: readonly Bytes[]; indexes: readonly number[] } {
  return {
    entryIds: [statement.entryId],
    indexes: statement.chain?.refs.map((ref) => ref.index) ?? [],
  };
}

/**
 * Never throws for anything that can be in a log. What it throws is a defect (of this software, or of the state that
 * `read` gives): the log has to stop.
 */
export function transition(input: TransitionInput): Transition {
  const statement = input.parsed ?? parsed(input.crypto, input.statement);
  if (isRefusal(statement)) return refusedBy(statement, input.index);
  const effect = judge(input, statement);
  if (isRefusal(effect)) return { ...refusedBy(effect, input.index), statement };
  if (isDenial(effect)) {
    const verdict = { index: input.index, outcome: 'ok', reason: effect.denied as Reason } as const;
    return { verdict, writes: effect.writes, statement };
  }
  return { verdict: { index: input.index, outcome: 'ok', reason: null }, writes: effect, statement };
}

function parsed(crypto: Crypto, bytes: Bytes): Statement | Refusal {
  try {
    return parseStatement(crypto, bytes);
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'INTERNAL') return refuse(error.code, error.message);
    throw error;
  }
}

function refusedBy({ refused, detail }: Refusal, index: number): Transition {
  // Every refusal is made with a code of FRAME_REASONS, or of the lists that a kind declares.
  const verdict = { index, outcome: 'refused', reason: refused as Reason } as const;
  return { verdict, writes: [], ...(detail !== undefined && { detail }) };
}

function judge(input: TransitionInput, statement: Statement): readonly Write[] | Refusal | Denial {
  const { crypto, origin, index, time, read } = input;
  const kind = statement.chain && kindNamed(statement.chain.kind);
  const genesis = GENESIS.read(read, 'genesis');
  if ((index === 0 || !genesis) && kind?.name !== 'log.genesis') return refuse('GENESIS_MISSING');
  const policy = policyAt(POLICY.read(read), time);

  const fault = placementFault(input, statement, kind, policy);
  if (fault) return fault;
  const signer = authenticate(input, statement, kind);
  if (isRefusal(signer)) return signer;
  if (!kind) return []; // A foreign statement changes nothing.
  const { entryId, issuer, kid, algorithm, chain } = statement;
  const context: AnyContext = {
    crypto,
    origin,
    index,
    time,
    read,
    policy,
    genesis,
    rules: rulesId(crypto),
    entryId,
    issuer,
    kid,
    algorithm,
    refs: (rel) => chain?.refs.filter((ref) => ref.rel === rel) ?? [],
    ...signer,
  };
  return kind.apply(context, statement.body);
}
