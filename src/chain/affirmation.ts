/**
 * Who vouches for a clean room's evidence: of each of its contracts, a quorum of verifiers, by the appraisal policy and the
 * anchors that are current, with keys that were good. What the room has its keys by is written beside the room; whether that
 * still holds is for who reads to say, when the SRO has published anew or a verifier's key turns out to have been stolen.
 */
import type { StateReader } from './record.ts';
import { AFFIRMATION, type AffirmationRecord, type EvidenceRecord } from './records/cleanroom.ts';
import type { ContractRecord } from './records/contract.ts';
import { ANCHORS, APPRAISAL_POLICY } from './records/governance.ts';
import { isVoid } from './standing.ts';

type Result = EvidenceRecord['results'][number];
/** An affirming result, as the room keeps it. */
type Vouched = AffirmationRecord['by'][number];

interface Affirmation {
  /** Unix milliseconds: no quorum vouches for less age than that. */
  readonly head: number;
  readonly by: readonly Vouched[];
}

/** Of each contract, the quorum that names the latest heads. Undefined: some contract has none. */
export function affirmation(
  read: StateReader,
  contracts: readonly ContractRecord[],
  { results }: EvidenceRecord,
): Affirmation | undefined {
  const good = results.filter((each) => each.result === 'affirming' && resultFault(read, each) === undefined);
  const by = new Set<Result>();
  for (const { verifiers, quorum, appraisalPolicy } of contracts) {
    const own = good
      .filter(({ verifier, policy }) => verifiers.includes(verifier) && policy === appraisalPolicy)
      .sort((a, b) => b.head - a.head);
    if (own.length < quorum) return undefined;
    for (const each of own.slice(0, quorum)) by.add(each);
  }
  return {
    head: Math.min(...[...by].map(({ head }) => head)),
    by: [...by].map(({ kid, at, policy, version, anchors }) => ({ kid, at, policy, version, anchors })),
  };
}

/** Why what the room has its keys by does not hold any more. */
export function affirmationFault(read: StateReader, room: string): string | undefined {
  const by = AFFIRMATION.read(read, room)?.by ?? [];
  if (by.length === 0) return 'nobody vouches for it';
  return by.map((each) => resultFault(read, each)).find((why) => why !== undefined);
}

/** Whether any verifier has affirmed it, whatever it says by now. */
export function wasAffirmed({ affirmed, results }: EvidenceRecord): boolean {
  return affirmed !== undefined || results.some(({ result }) => result === 'affirming');
}

/** Why a result counts no more, whatever it said. */
export function resultFault(
  read: StateReader,
  { kid, at, policy, version, anchors }: Vouched,
): string | undefined {
  if (APPRAISAL_POLICY.read(read, policy)?.version !== version) return `${policy} is another by now`;
  if (ANCHORS.read(read, anchors.id)?.version !== anchors.version) return `${anchors.id} are others by now`;
  return isVoid(read, kid, at) ? 'a verifier’s key was compromised by then' : undefined;
}
