/** The one way into the gates: reads the request strictly, asks the gate, and says which records the answer rests on. */
import type { Bytes } from '../../core/bytes.ts';
import { type Cbor, decode, encode } from '../../core/cbor.ts';
import { fail } from '../../core/errors.ts';
import { policyAt } from '../policy.ts';
import type { StateReader } from '../record.ts';
import { GENESIS, POLICY } from '../state.ts';
import { type GateReason, type GateStep, gateNamed, type RequestOf } from './list.ts';
import { type ProvenFact, provenReads, recordedReads } from './reads.ts';

export interface Decision {
  readonly decision: 'allow' | 'deny';
  /** Why it is denied. */
  readonly reason: GateReason | null;
  /** For people, no part of the decision. */
  readonly detail?: string;
  /** Keys of the records that it rests on, in the order of the first read. */
  readonly reads: readonly Bytes[];
  /** Indexes of the entries that belong to the answer. */
  readonly evidence: readonly number[];
}

/**
 * @param request as CBOR data or as a plain object, see {@link readRequest}
 * @param at Unix milliseconds
 * @param read the state: what it throws ends the decision
 * @throws ARGUMENT_INVALID no such step; what is wrong with the request: SCHEMA_INVALID, ID_MALFORMED, …
 * @throws LOG_CORRUPT the state has no genesis
 */
export function decide(step: string, request: Cbor, at: number, read: StateReader): Decision {
  const gate = gateOf(step);
  const asked = gate.request.read(normal(request), '');
  const reads = recordedReads(read);
  const genesis = GENESIS.read(reads.read, 'genesis');
  if (!genesis) throw fail('LOG_CORRUPT', 'the state has no genesis');
  const policy = () => policyAt(POLICY.read(reads.read), at);
  const context = { at, read: reads.read, genesis, policy };
  const refusal = gate.decide(context, asked);
  if (!refusal) {
    const evidence = gate.evidence(context, asked);
    return { decision: 'allow', reason: null, reads: reads.keys, evidence };
  }
  return {
    decision: 'deny',
    // A gate can only refuse with reasons that it declares.
    reason: refusal.refused as GateReason,
    ...(refusal.detail !== undefined && { detail: refusal.detail }),
    reads: reads.keys,
    evidence: [],
  };
}

/**
 * The same over what is proven, and nothing else.
 * @throws BUNDLE_INCOMPLETE a record was read that `facts` do not have, whatever the gate made of it; as {@link decide}
 */
export function decideProven(
  step: string,
  request: Cbor,
  at: number,
  facts: readonly ProvenFact[],
): Decision {
  const { read, missing } = provenReads(facts);
  const decision = decide(step, request, at, read);
  const incomplete = missing();
  if (incomplete) throw incomplete;
  return decision;
}

/**
 * A request in its one form: text-keyed CBOR with the members that its step declares and no others.
 * @throws as {@link decide}
 * @example encode(readRequest('contract.activate', { contract: 'urn:depa:contract:…', text: digest }))
 */
export function readRequest<Step extends GateStep>(step: Step, request: RequestOf<Step>): Cbor;
export function readRequest(step: string, request: Cbor): Cbor;
export function readRequest(step: string, request: unknown): Cbor {
  const cbor = normal(request as Cbor);
  gateOf(step).request.read(cbor, '');
  return cbor;
}

/** Plain objects, as callers write them, become maps. */
function normal(request: Cbor): Cbor {
  return decode(encode(request));
}

function gateOf(step: string) {
  const gate = gateNamed(step);
  if (!gate) throw fail('ARGUMENT_INVALID', 'there is no gate for this step');
  return gate;
}
