/**
 * The head that answers are given at (FORMATS §5): the newest, or, where the log has a witness policy, the last one that
 * met its quorum, with the state that belonged to it. This is the one place that says so.
 */
import { fail } from '../core/errors.ts';
import type { Cosigning, CosigningStatus, PublishedHead, SignedHead } from '../log/index.ts';
import { timeLimit } from '../platform/time-limit.ts';
import type { ServedLog, ServedSnapshot } from './served-log.ts';

export class AnsweringHead {
  readonly #log: ServedLog;
  readonly #cosigning: Cosigning | undefined;

  constructor(log: ServedLog, cosigning: Cosigning | undefined) {
    this.#log = log;
    this.#cosigning = cosigning;
  }

  /** For what rests on the state: gates and facts. @throws NOT_WITNESSED no head has met the quorum since the start */
  get snapshot(): ServedSnapshot {
    if (!this.#cosigning) return this.#log.snapshot;
    const { witnessed } = this.#cosigning;
    if (!witnessed) throw notWitnessed();
    return witnessed;
  }

  /** For what is told and not proven: the same, or the newest while no head has met the quorum. */
  get told(): ServedSnapshot {
    return this.#cosigning?.witnessed ?? this.#log.snapshot;
  }

  /** What `/checkpoint` serves. @throws NOT_WITNESSED no head has met the quorum */
  get checkpoint(): SignedHead {
    if (!this.#cosigning) return this.#log.head;
    const { head } = this.#cosigning;
    if (!head) throw notWitnessed();
    return head;
  }

  /** For proofs about leaf `index`: the same head, or the newest where that does not cover the leaf yet. */
  covering(index: number): SignedHead {
    return this.#cosigning?.covering(index) ?? this.#log.head;
  }

  /** The head of `size` with its cosignatures, if it is the one. */
  ofSize(size: number): PublishedHead | undefined {
    const cosigned = this.#cosigning?.covering(size - 1);
    return cosigned?.size === size ? cosigned : undefined;
  }

  /** @throws ARGUMENT_INVALID the log has no witnesses */
  requireWitnesses(): void {
    if (!this.#cosigning) throw fail('ARGUMENT_INVALID', 'this log has no witnesses to wait for');
  }

  /**
   * The first head that meets the quorum and covers leaf `index`; null: not in time.
   * @param until Unix milliseconds
   */
  async witnessed(
    index: number,
    until: number,
    signal: AbortSignal | undefined,
  ): Promise<PublishedHead | null> {
    using limit = timeLimit(until - Date.now(), signal);
    return (await this.#cosigning?.awaitCovering(index, limit.signal)) ?? null;
  }

  /** Null without a witness policy. */
  get status(): CosigningStatus | null {
    return this.#cosigning?.status ?? null;
  }
}

function notWitnessed() {
  const message = 'no head meets the quorum of the witness policy yet; what was registered is safe';
  return fail('NOT_WITNESSED', message, { retryAfter: 1 });
}
