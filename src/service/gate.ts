/** The answer of a gate with its proof bundle (FORMATS §6): one view of the log, and everything proven under it. */
import { type Decision, decide, encodeStateEntry, readRequest } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { type Bundle, type ClaimedEvidence, encodeBundle } from '../verify/index.ts';
import type { Effect, GateAnswer, SignedHead } from './ledger.ts';
import type { ServedLog, ServedSnapshot } from './served-log.ts';

export interface GateQuestion {
  readonly step: string;
  readonly request: Cbor;
  /** Size of a tree that the asker holds: the answer proves that it extends it. */
  readonly fromSize?: number;
  /** Unix milliseconds. */
  readonly now: number;
}

type EntryAt = (index: number, head: SignedHead) => Promise<Effect & { readonly statement: Bytes }>;

/**
 * @param view what the gate looks at: a head, and the state that belongs to it
 * @param entryAt a statement, and what it did, proven under a head
 */
export async function answerGate(
  log: ServedLog,
  view: ServedSnapshot,
  { step, request: asked, fromSize, now }: GateQuestion,
  entryAt: EntryAt,
): Promise<GateAnswer> {
  const request = readRequest(step, asked);
  const { head, state } = view;
  const tip = view.tip.index;
  // The log's time never goes back, so it can be ahead of a clock that was set back.
  const at = Math.max(Math.floor(now), head.time);
  const decided = decide(step, request, at, (key, name) => state.get(key, name));
  // From here on only proofs are made: the state may move on, the view does not.
  const facts = decided.reads.map((key) => state.fact(key));
  const [path, entries, consistency] = await Promise.all([
    log.inclusionPath(tip, head.size),
    evidenceOf(log, decided, head, entryAt),
    consistencyFrom(log, fromSize, head.size),
  ]);
  const { decision, reason, detail } = decided;
  const bundle: Bundle = {
    ...{ step, request, at, decision, reason, checkpoint: head.checkpoint },
    ...{ tip: { index: tip, stateEntry: encodeStateEntry(view.tip), path }, facts, entries },
    ...(consistency && { consistency }),
  };
  return { decision, reason, detail: detail ?? null, at, bundle: encodeBundle(bundle) };
}

async function evidenceOf(
  log: ServedLog,
  { evidence }: Decision,
  head: SignedHead,
  entryAt: EntryAt,
): Promise<ClaimedEvidence[]> {
  return Promise.all(
    evidence.map(async (index) => {
      const [path, { statement, stateIndex, stateEntry, statePath, verdict, verdictPath }] =
        await Promise.all([log.inclusionPath(index, head.size), entryAt(index, head)]);
      const effect = { stateIndex, stateEntry, path: statePath, verdict, verdictPath };
      return { index, statement, path, effect };
    }),
  );
}

/** None from a tree that is larger than this one: the asker will have it proven the other way round. */
async function consistencyFrom(
  log: ServedLog,
  from: number | undefined,
  size: number,
): Promise<{ readonly from: number; readonly path: readonly Bytes[] } | undefined> {
  if (from === undefined || from > size) return undefined;
  if (!Number.isSafeInteger(from) || from < 1) {
    throw fail('ARGUMENT_INVALID', 'a consistency proof begins at a size of at least 1');
  }
  return { from, path: await log.consistencyPath(from, size) };
}
