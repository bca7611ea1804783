/** Judging a cosigned checkpoint by a trust policy: who signed, is it enough, and how fresh is it (FORMATS §5). */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { checkpointOf } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint-text.ts';
import type { Cosignature } from './cosignature.ts';
import { type Note, openNote } from './note.ts';
import type { Quorum, TrustPolicy } from './policy.ts';
import type { VerifierKey } from './verifier-key.ts';

/** Seconds that a cosigner's clock may be ahead of ours. */
export const CLOCK_TOLERANCE = 30;

export interface CosignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** The log that signed it. */
  readonly log: VerifierKey;
  /** By witnesses of the policy, one for each. Whether they are enough is another question. */
  readonly cosignatures: readonly Cosignature[];
}

/**
 * Verifies everything in a checkpoint that the policy knows. The quorum is a step of its own, {@link evaluateQuorum}.
 * @param logs the logs to accept; by default those of the policy
 * @throws as openNote: also when a witness of the policy has signed badly; NOTE_UNSIGNED no log of `logs` signed
 * @throws CHECKPOINT_MALFORMED, CONSISTENCY_INVALID, ORIGIN_MISMATCH as openCheckpoint
 */
export function openCosigned(
  crypto: Crypto,
  note: Note | Bytes | string,
  policy: TrustPolicy,
  logs: readonly VerifierKey[] = policy.logs.map((log) => log.key),
): CosignedCheckpoint {
  const witnesses = policy.witnesses.map((witness) => witness.key);
  const { text, verified, cosignatures } = openNote(crypto, note, [...logs, ...witnesses]);
  const signers = logs.filter((log) => verified.some((key) => sameKey(key, log)));
  if (!signers[0]) throw fail('NOTE_UNSIGNED', 'no log of the policy has signed');
  // More than one known log may sign a note; the one it belongs to is the one that it names.
  const log = signers.find((signer) => text.startsWith(`${signer.name}\n`)) ?? signers[0];
  return {
    checkpoint: checkpointOf(text, log),
    log,
    cosignatures: cosignatures.filter(({ key }) => witnesses.some((witness) => sameKey(witness, key))),
  };
}

/** Whether the cosigners alone meet the policy's quorum, whatever their timestamps. */
export function evaluateQuorum(policy: TrustPolicy, cosignatures: readonly Cosignature[]): boolean {
  const keys = cosignatures.map((cosignature) => cosignature.key);
  return meets(policy.quorum, (key) => keys.some((other) => sameKey(key, other)));
}

/**
 * How fresh a head is: the greatest T such that the cosigners with timestamp ≥ T alone meet the quorum, Unix seconds.
 * Cosignatures more than {@link CLOCK_TOLERANCE} ahead of `nowSeconds` are ignored: a fast clock must not make a head
 * look fresh for years.
 * @returns undefined when nobody vouches for a time: the quorum is not met, or is `none`
 */
export function freshness(
  policy: TrustPolicy,
  cosignatures: readonly Cosignature[],
  nowSeconds: number,
): number | undefined {
  if (policy.quorum.kind === 'none') return undefined;
  const newestFirst = cosignatures
    .filter(({ timestamp }) => timestamp <= nowSeconds + CLOCK_TOLERANCE)
    .sort((a, b) => b.timestamp - a.timestamp);
  // More cosigners never unmake a quorum, so the first prefix that meets it has the greatest T.
  for (const [index, { timestamp }] of newestFirst.entries()) {
    if (evaluateQuorum(policy, newestFirst.slice(0, index + 1))) return timestamp;
  }
  return undefined;
}

function meets(quorum: Quorum, cosigned: (key: VerifierKey) => boolean): boolean {
  if (quorum.kind === 'none') return true;
  if (quorum.kind === 'witness') return cosigned(quorum.key);
  return quorum.members.filter((member) => meets(member, cosigned)).length >= quorum.threshold;
}

/** The same key under the same name and type: what one verifier key text says. */
function sameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && a.type === b.type && equal(a.key, b.key);
}
