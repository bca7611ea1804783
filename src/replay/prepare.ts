/**
 * What comes before replaying a run: its statements parsed, once, and what has to be looked up among earlier entries,
 * since the transition function asks at once and storage answers later.
 */
import { parseStatement, type Ref, type Statement } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import type { ReplayLeaf, Run, StatementLeaf } from './run.ts';

export interface RunLookups {
  /** Entry ids, one for each statement of the run: which of them are those of entries before the run? */
  readonly entryIds: readonly Bytes[];
  /**
   * Entries before the run that its statements refer to: is the accepted statement at `index` the one with this id? One
   * that is not need not be told of, since a ref to it does not hold either way.
   */
  readonly refs: readonly Pick<Ref, 'index' | 'entry'>[];
}

export interface PreparedStatement {
  readonly leaf: StatementLeaf;
  /** Of the entry id. */
  readonly hex: string;
  /** Absent: the bytes are no statement, which is for the transition function to say. */
  readonly parsed: Statement | undefined;
}

export interface PreparedRun {
  readonly first: number;
  readonly statements: readonly PreparedStatement[];
  readonly closing: ReplayLeaf;
  readonly lookups: RunLookups;
}

export function prepareRun(crypto: Crypto, { first, statements, closing }: Run): PreparedRun {
  const entryIds = new Map<string, Bytes>();
  const refs = new Map<string, Ref>();
  const prepared = statements.map((leaf): PreparedStatement => {
    const hex = toHex(leaf.data);
    entryIds.set(hex, leaf.data);
    const parsed = leaf.parsed ?? parse(crypto, leaf.statement);

    for (const ref of parsed?.chain?.refs ?? []) {
      if (ref.index < first) refs.set(`${ref.index} ${toHex(ref.entry)}`, ref);
    }
    return { leaf, hex, parsed };
  });
  return {
    first,
    statements: prepared,
    closing,
    lookups: { entryIds: [...entryIds.values()], refs: [...refs.values()] },
  };
}

function parse(crypto: Crypto, bytes: Bytes): Statement | undefined {
  try {
    return parseStatement(crypto, bytes);
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'INTERNAL') return undefined;
    throw error;
  }
}
