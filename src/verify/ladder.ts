/**
 * A verification is a ladder of named steps, climbed from below; the first step that fails ends it. The result keeps
 * the steps, so that whoever reads it sees what was checked, and what was not.
 */
import { isLedgerError, type LedgerError } from '../core/errors.ts';

/** In the words of the design (FORMATS §4 to §6). Each verification climbs some of them, in its own order. */
export type StepName =
  | 'statement'
  | 'entry id'
  | 'issuer signature'
  | 'receipt'
  | 'inclusion'
  | 'older checkpoint'
  | 'checkpoint'
  | 'quorum'
  | 'consistency'
  | 'tip'
  | 'freshness'
  | 'rules'
  | 'genesis'
  | 'facts'
  | 'effect'
  | 'bundle'
  | 'question'
  | 'replay'
  | 'entries'
  | 'decision'
  | 'clock'
  | 'misbehaviour'
  | 'first head'
  | 'second head'
  | 'contradiction'
  | 'files'
  | 'release'
  | 'run'
  | 'privacy'
  | 'clean room'
  | 'attestation'
  | 'keys'
  | 'dataset'
  | 'base model'
  | 'contract'
  | 'parties'
  | 'status';

export interface Step {
  readonly step: StepName;
  /** `skipped`: not checked, because what it takes was not given. */
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** One line for people. */
  readonly detail: string;
  /** Reason code of a step that failed. */
  readonly code?: string;
}

/** Everything that was checked holds and `value` is proven, or `error` is what the last step failed with. */
export type Verification<T> =
  | { readonly verified: true; readonly steps: readonly Step[]; readonly value: T }
  | { readonly verified: false; readonly steps: readonly Step[]; readonly error: LedgerError };

/** What a step has found: a line for people, and the value that the next steps build on. */
export interface Finding<T> {
  readonly detail: string;
  readonly value: T;
}

export class Ladder {
  readonly steps: Step[] = [];

  /** Climbs one step. @throws what `check` throws, after noting it */
  step<T>(step: StepName, check: () => Finding<T>): T {
    try {
      const { detail, value } = check();
      this.steps.push({ step, outcome: 'ok', detail });
      return value;
    } catch (error) {
      if (isLedgerError(error)) {
        this.steps.push({ step, outcome: 'failed', detail: error.message, code: error.code });
      }
      throw error;
    }
  }

  /** Notes a step that could not be climbed, and why. */
  skip(step: StepName, detail: string): undefined {
    this.steps.push({ step, outcome: 'skipped', detail });
    return undefined;
  }
}

/**
 * Runs a verification. A refusal becomes its result; a defect (any error that is not a LedgerError) is thrown on, so
 * that it can never be taken for a verdict.
 */
export function climb<T>(verify: (ladder: Ladder) => T): Verification<T> {
  const ladder = new Ladder();
  try {
    return { verified: true, value: verify(ladder), steps: ladder.steps };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return { verified: false, error, steps: ladder.steps };
  }
}

/** The proven value. @throws what the verification failed with */
export function proven<T>(verification: Verification<T>): T {
  if (!verification.verified) throw verification.error;
  return verification.value;
}
