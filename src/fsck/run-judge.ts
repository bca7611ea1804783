/**
 * One run of a log, judged: the transition function over its statements, and the state that they lead to. src/replay stops at
 * the first run that does not match; an audit has to tell what else is wrong, so it goes on with the state that the rules
 * lead to. Foreign statements are judged by their like.
 */
import {
  type StateEntry,
  type Statement,
  transition,
  type Verdict,
  type Write,
  WrittenState,
} from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { AlikeVerdicts } from '../replay/alike.ts';
import type { StateMap } from '../statemap/index.ts';
import type { EntryTable } from './entry-table.ts';
import type { Signer } from './examine.ts';

/** A leaf of a run, as the examination has left it. */
export interface Judged {
  readonly index: number;
  /** Of a foreign statement that verifies. */
  readonly signer?: Signer;
  /** Of any other. */
  readonly bytes?: Bytes;
  readonly verified: boolean;
  readonly signatureWrong?: boolean;
}

export interface JudgedRun {
  readonly verdicts: readonly Verdict[];
  /** By position: why entries were refused, for people. */
  readonly details: ReadonlyMap<number, string>;
  readonly writes: readonly Write[];
}

const NOTHING = new Uint8Array();

export interface JudgeOptions {
  readonly crypto: Crypto;
  readonly origin: string;
  readonly entries: EntryTable;
}

export function judgeRun(
  { crypto, origin, entries }: JudgeOptions,
  leaves: readonly Judged[],
  state: StateMap,
  time: StateEntry['time'],
): JudgedRun {
  const written = new WrittenState((key, name) => state.get(key, name));
  const details = new Map<number, string>();
  const alike = new AlikeVerdicts(time);
  const judge = ({ index, signer, bytes, verified }: Judged, parsed?: Statement) => {
    const first = (id: Bytes) => entries.first(id);
    return transition({
      ...{ crypto, origin, index, time, statement: bytes ?? NOTHING, read: written.read },
      ...(parsed && { parsed }),
      entryIndex: first,
      entryAt: (at) => (at < index ? entries.at(at) : undefined),
      ...((signer || verified) && { verified: () => true }),
    });
  };
  const verdicts = leaves.map((leaf): Verdict => {
    const { index, signer } = leaf;
    const like = signer && !entries.isCopy(index) ? alike.get(signer, index) : undefined;
    if (like) {
      if (like.outcome === 'ok') entries.accepted(index, null);
      return like;
    }
    const isCopy = entries.isCopy(index);
    const { verdict, writes, statement, detail } = judge(
      leaf,
      signer && asStatement(signer, entries.id(index)),
    );
    if (writes.length > 0) alike.clear();
    written.add(writes);
    if (verdict.outcome === 'ok') entries.accepted(index, statement?.chain?.kind ?? null);
    if (detail !== undefined) details.set(index, detail);
    if (signer && !isCopy) alike.add(signer, verdict);
    return verdict;
  });
  return { verdicts, details, writes: written.writes };
}

/** A foreign statement as far as the law looks at one whose signature has been verified. */
function asStatement(signer: Signer, entryId: Bytes): Statement {
  return {
    ...signer,
    ...{ entryId, bytes: NOTHING, protectedBytes: NOTHING, payload: NOTHING, signature: NOTHING },
  };
}
