/** Whether a statement can stand where it is: in this log, once, at this time, after what it refers to. */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Kind } from './kind.ts';
import type { Policy } from './policy.ts';
import type { Ref } from './protected-header.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Statement } from './statement.ts';

export interface LoggedEntry {
  readonly entryId: Bytes;
  /** null: a foreign statement. */
  readonly kind: string | null;
}

/** Where it would stand. */
export interface Place {
  readonly origin: string;
  readonly index: number;
  /** Unix milliseconds. */
  readonly time: number;
  readonly entryIndex: (entryId: Bytes) => number | undefined;
  readonly entryAt: (index: number) => LoggedEntry | undefined;
}

/** The first thing that is wrong, in this order. `kind` is undefined for a foreign statement. */
export function placementFault(
  place: Place,
  statement: Statement,
  kind: Kind | undefined,
  policy: Policy,
): Refusal | undefined {
  const { chain, algorithm } = statement;
  if (!policy.algorithms.includes(algorithm)) {
    return refuse('ALG_NOT_ALLOWED', `the policy does not allow ${algorithm}`);
  }
  if (chain && chain.log !== place.origin) return refuse('ORIGIN_MISMATCH', `it is for ${chain.log}`);
  const first = place.entryIndex(statement.entryId);
  if (first !== undefined && first < place.index) return refuse('DUPLICATE', `entry ${first}`);
  return (
    timeFault(statement, place.time, policy, !kind || kind.anyAge === true) ??
    (chain && kind && refsFault(chain.refs, kind, place))
  );
}

/** iat lies in [t − maxAge, t + maxSkew]; where any age will do, the first bound does not hold. */
function timeFault({ issuedAt }: Statement, time: number, policy: Policy, anyAge: boolean) {
  if (issuedAt === undefined) return undefined;
  if (issuedAt * 1000 > time + policy.maxSkew * 1000) return refuse('IAT_IN_FUTURE');
  return !anyAge && issuedAt * 1000 < time - policy.maxAge * 1000 ? refuse('IAT_TOO_OLD') : undefined;
}

function refsFault(refs: readonly Ref[], kind: Kind, place: Place) {
  for (const ref of refs) {
    const fault = refFault(ref, kind, place);
    if (fault) return fault;
  }
  for (const [rel, { count }] of Object.entries(kind.refs ?? {})) {
    const found = refs.filter((ref) => ref.rel === rel).length;
    // Without a ref that is needed, nothing shows which state the signer has seen.
    if (count && (found < count.min || found > count.max))
      return refuse('REF_STALE', `${found} refs "${rel}"`);
  }
  return undefined;
}

function refFault(ref: Ref, kind: Kind, { index, entryAt }: Place) {
  const entry = ref.index < index ? entryAt(ref.index) : undefined;
  if (!entry || !equal(entry.entryId, ref.entry)) return refuse('REF_NOT_FOUND', `${ref.rel} ${ref.index}`);
  const relation = kind.refs && Object.hasOwn(kind.refs, ref.rel) ? kind.refs[ref.rel] : undefined;
  return relation?.kinds.includes(entry.kind)
    ? undefined
    : refuse('REF_WRONG_KIND', `${ref.rel} ${ref.index}`);
}
