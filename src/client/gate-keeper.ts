/**
 * Asks a gate and believes nothing: what comes back is decided here, by the same gate, over what the bundle proves. Any
 * error, anything stale, anything missing throws; only a verified decision is an answer.
 */
import {
  type GateReason,
  type GateStep,
  type RequestOf,
  readRequest,
  type StateEntry,
} from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  decodeBundle,
  proven,
  type SignedTreeHead,
  type Step,
  type Trust,
  verifyBundle,
  withoutConsistency,
} from '../verify/index.ts';
import { attempt } from './attempt.ts';
import type { HighWater } from './high-water.ts';
import type { Marks } from './mark-file.ts';
import type { Call, Transport } from './transport.ts';

/** A decision that this client has made itself, from proven facts. */
export interface GateDecision<Asked extends GateStep = GateStep> {
  readonly step: Asked;
  /** Only `allow` opens the step. */
  readonly decision: 'allow' | 'deny';
  /** Why not; null when it is allowed. */
  readonly reason: GateReason | null;
  /** Unix milliseconds that it was judged at. */
  readonly at: number;
  readonly head: SignedTreeHead;
  /** Whether the head meets the quorum of the trust file's policy. */
  readonly witnessed: boolean;
  /** Nobody but the operator vouches for the state: the client was told that this is enough. */
  readonly operatorTrusted: boolean;
  /** A log for development: what it says binds nobody. */
  readonly simulated: boolean;
  readonly tip: StateEntry;
  /** What was checked, in order. */
  readonly steps: readonly Step[];
  /** To be archived, and verified again by anybody (`aichain verify bundle`). */
  readonly bundle: Bytes;
}

export interface GateKeeperOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly transport: Transport;
  readonly highWater: HighWater;
  readonly retries: number;
  readonly now: () => number;
  readonly insecureTrustOperator: boolean;
}

export class GateKeeper {
  readonly #options: GateKeeperOptions;

  constructor(options: GateKeeperOptions) {
    this.#options = options;
  }

  /** @param call with the marks at its beginning, which the answer has to extend */
  async check<Asked extends GateStep>(
    step: Asked,
    request: RequestOf<Asked>,
    call: Call & { readonly since: Marks },
  ): Promise<GateDecision<Asked>> {
    const { crypto, trust, transport, highWater, retries, now, insecureTrustOperator } = this.#options;
    // What is not a request of this step never leaves; what was asked is fixed before anything comes back.
    const question = { step, request: readRequest(step, request) };
    const from = call.since.logged?.size;
    const bytes = await attempt(retries, call, (each) => transport.gate(step, request, from, each));
    const verification = verifyBundle({
      ...{ crypto, trust, bundle: bytes, question, marks: call.since, now: now(), insecureTrustOperator },
    });
    const { outcome, recorded, at, head, witnessed, operatorTrusted, simulated, tip } = proven(verification);
    // On disk before anybody acts on it.
    await highWater.accept({ ...head, signed: decodeBundle(bytes).checkpoint }, witnessed, call);
    if (outcome !== recorded.decision) throw fail('INTERNAL', `a current answer is ${outcome}`);
    return {
      ...{ step, decision: recorded.decision, reason: recorded.reason as GateReason | null },
      ...{ at, head, witnessed, operatorTrusted, simulated, tip },
      steps: verification.steps,
      bundle: withoutConsistency(bytes),
    };
  }
}
