/** What it takes to show somebody else what a run did: read from the log's tiles, proven under its signed tree. */
import {
  decodeStateEntry,
  effectsRoot,
  encodeVerdict,
  parseStatement,
  type Verdict,
  verdictPath,
} from '../../chain/index.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { isLedgerError } from '../../core/errors.ts';
import type { Refuted, ReplayedRun } from '../../replay/index.ts';
import type { StateMap } from '../../statemap/index.ts';
import type { LogLeaf, LogReader } from '../../tiles/index.ts';
import type { ClaimedEarlier, EffectProof, RefutedRun } from '../../verify/index.ts';

/** Entries that a run may refer to, and leaves that are looked at to find the end of another one's run. */
const MOST_EARLIER = 4096;
const MOST_RUN = 4096;

/** What an entry of a matched run did. */
export async function effectIn(
  crypto: Crypto,
  { first, entries, tip }: ReplayedRun,
  index: number,
  reader: LogReader,
): Promise<EffectProof> {
  const verdicts = entries.map(({ verdict }) => verdict);
  return {
    stateIndex: tip.index,
    stateEntry: (await reader.leaf(tip.index)).data,
    path: await reader.inclusionPath(tip.index),
    verdict: encodeVerdict(verdicts[index - first]!),
    verdictPath: verdictPath(crypto, verdicts, index - first),
  };
}

/** @param before the state that the run begins with */
export async function refutedRun(
  crypto: Crypto,
  { first, index }: Pick<Refuted, 'first' | 'index'>,
  before: StateMap,
  reader: LogReader,
): Promise<Omit<RefutedRun, 'checkpoint'>> {
  const start = first === 0 ? 0 : first - 1;
  const leaves: LogLeaf[] = [];
  for await (const bundle of reader.leaves(start, index + 1)) leaves.push(...bundle);
  const refs = leaves.flatMap(({ statement }) => (statement ? refsOf(crypto, statement) : []));
  const earlier: ClaimedEarlier[] = [];
  for (const ref of [...new Set(refs)].filter((each) => each < first).slice(0, MOST_EARLIER)) {
    earlier.push(await earlierOf(crypto, ref, reader));
  }
  return {
    ...{ start, before, earlier },
    leaves: leaves.map(({ data, statement }) => statement ?? data),
    firstPath: await reader.inclusionPath(start),
    lastPath: await reader.inclusionPath(index),
  };
}

function refsOf(crypto: Crypto, statement: Bytes): number[] {
  try {
    return parseStatement(crypto, statement).chain?.refs.map((ref) => ref.index) ?? [];
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return [];
  }
}

async function earlierOf(crypto: Crypto, index: number, reader: LogReader): Promise<ClaimedEarlier> {
  const { hash, statement } = await reader.leaf(index);
  const path = await reader.inclusionPath(index);
  const effect = statement ? await acceptedEffect(crypto, index, reader) : null;
  return { index, leafHash: hash, path, statement, effect };
}

/** Verdicts are not in the tiles. Those of a run in which all was accepted can be told from its effects root. */
async function acceptedEffect(crypto: Crypto, index: number, reader: LogReader): Promise<EffectProof | null> {
  const end = Math.min(index + MOST_RUN, reader.head.size);
  for await (const bundle of reader.leaves(index, end)) {
    const closing = bundle.find(({ statement }) => statement === null);
    if (!closing) continue;
    const state = decodeStateEntry(closing.data);
    const first = state.previous === null ? 0 : state.previous + 1;
    const verdicts = Array.from(
      { length: closing.index - first },
      (_, i): Verdict => ({ index: first + i, outcome: 'ok', reason: null }),
    );
    if (!equal(effectsRoot(crypto, verdicts), state.effectsRoot)) return null;
    return {
      stateIndex: closing.index,
      stateEntry: closing.data,
      path: await reader.inclusionPath(closing.index),
      verdict: encodeVerdict(verdicts[index - first]!),
      verdictPath: verdictPath(crypto, verdicts, index - first),
    };
  }
  return null;
}
