/** Whether a statement can stand where it is: in this log, once, at this time, after what it refers to. */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Ref } from './envelope.ts';
import type { Kind } from './kind.ts';
import type { Policy } from './policy.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Statement } from './statement.ts';

export interface LoggedEntry {
  readonly entryId: Bytes;
  /** null: a foreign statement. */
  readonly kind: string | null;
}

export interface Placement {
  readonly statement: Statement;
  /** undefined: foreign. */
  readonly kind: Kind | undefined;
  readonly policy: Policy;
  readonly origin: string;
  readonly index: number;
  /** Unix milliseconds. */
  readonly time: number;
  readonly entryIndex: (entryId: Bytes) => number | undefined;
  readonly entryAt: (index: number) => LoggedEntry | undefined;
}

/** The first thing that is wrong, in this order. */
export function placementFault(placement: Placement): Refusal | undefined {
  const { statement, policy } = placement;
  if (!policy.algorithms.includes(statement.algorithm)) {
    return refuse('ALG_NOT_ALLOWED', `the policy does not allow ${statement.algorithm}`);
  }
  return originFault(placement) ?? repetitionFault(placement) ?? timeFault(placement) ?? refsFault(placement);
}

function originFault({ statement: { chain }, origin }: Placement) {
  return chain && chain.log !== origin ? refuse('ORIGIN_MISMATCH', `it is for ${chain.log}`) : undefined;
}

function repetitionFault({ statement, index, entryIndex }: Placement) {
  const first = entryIndex(statement.entryId);
  return first !== undefined && first < index ? refuse('DUPLICATE', `entry ${first}`) : undefined;
}

/** iat lies in [t − maxAge, t + maxSkew]; a foreign one may be as old as it likes, or not be there. */
function timeFault({ statement: { issuedAt }, kind, policy, time }: Placement) {
  if (issuedAt === undefined) return undefined;
  if (issuedAt * 1000 > time + policy.maxSkew * 1000) return refuse('IAT_IN_FUTURE');
  if (!kind || kind.anyAge) return undefined;
  return issuedAt * 1000 < time - policy.maxAge * 1000 ? refuse('IAT_TOO_OLD') : undefined;
}

function refsFault({ statement: { chain }, kind, index, entryAt }: Placement) {
  if (!chain || !kind) return undefined;
  for (const ref of chain.refs) {
    const fault = refFault(ref, kind, index, entryAt);
    if (fault) return fault;
  }
  for (const [rel, { count }] of Object.entries(kind.refs ?? {})) {
    const found = chain.refs.filter((ref) => ref.rel === rel).length;
    // Without a ref that is needed, nothing shows which state the signer has seen.
    if (count && (found < count.min || found > count.max))
      return refuse('REF_STALE', `${found} refs "${rel}"`);
  }
  return undefined;
}

function refFault(ref: Ref, kind: Kind, index: number, entryAt: Placement['entryAt']) {
  const entry = ref.index < index ? entryAt(ref.index) : undefined;
  if (!entry || !equal(entry.entryId, ref.entry)) return refuse('REF_NOT_FOUND', `${ref.rel} ${ref.index}`);
  const relation = kind.refs && Object.hasOwn(kind.refs, ref.rel) ? kind.refs[ref.rel] : undefined;
  return relation?.kinds.includes(entry.kind)
    ? undefined
    : refuse('REF_WRONG_KIND', `${ref.rel} ${ref.index}`);
}
