/**
 * What the process says to a script when it ends: one closed table from reason codes to exit codes. The class of a
 * code decides, and for failed verifications, whose differences matter, the code itself.
 */
import { describeAttestationCode } from '../attestation/index.ts';
import { describeReason } from '../chain/index.ts';
import type { CODES, CodeClass, CoreCode } from '../core/codes.ts';

export const EXIT = {
  OK: 0,
  /** A defect, or a log that stopped. */
  UNEXPECTED: 1,
  /** The command was called wrongly, or a file that it needs cannot be read. */
  USAGE: 2,
  /** The log has no such entry, tree or key. */
  NOT_FOUND: 3,
  /** Nobody answered, or not now: try again. */
  UNAVAILABLE: 4,
  BAD_SIGNATURE: 10,
  /** Not shown to be in the log, or in its state. */
  NOT_INCLUDED: 11,
  /** Two views of the log contradict each other. */
  FORK: 12,
  /** Too few witnesses. */
  QUORUM: 13,
  /** Refused by the log's rules or policy, or by the verifier's. */
  POLICY: 14,
  STALE: 15,
  MALFORMED: 16,
  /** What follows from a log's entries is stored otherwise than it follows; it can be made anew. */
  DERIVED: 17,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

type CodesOf<C extends CodeClass> = {
  [Code in CoreCode]: (typeof CODES)[Code][0] extends C ? Code : never;
}[CoreCode];

const BY_CLASS: Readonly<Record<Exclude<CodeClass, 'proof'>, ExitCode>> = {
  malformed: EXIT.MALFORMED,
  refused: EXIT.POLICY,
  missing: EXIT.NOT_FOUND,
  unavailable: EXIT.UNAVAILABLE,
  usage: EXIT.USAGE,
  fatal: EXIT.UNEXPECTED,
};

/** Every code of a failed verification has its line: a new one does not compile before it has. */
const PROOF: Readonly<Record<CodesOf<'proof'>, ExitCode>> = {
  SIGNATURE_INVALID: EXIT.BAD_SIGNATURE,
  NOTE_UNSIGNED: EXIT.BAD_SIGNATURE,
  INCLUSION_INVALID: EXIT.NOT_INCLUDED,
  FACT_INVALID: EXIT.NOT_INCLUDED,
  RECEIPT_INVALID: EXIT.NOT_INCLUDED,
  TIP_INVALID: EXIT.NOT_INCLUDED,
  PREIMAGE_MISMATCH: EXIT.NOT_INCLUDED,
  SEALED_FILE_INVALID: EXIT.NOT_INCLUDED,
  WRAPPED_KEY_INVALID: EXIT.NOT_INCLUDED,
  MODEL_UNKNOWN: EXIT.NOT_INCLUDED,
  // Neither shown nor disproved.
  VDS_UNSUPPORTED: EXIT.NOT_INCLUDED,
  TILE_INVALID: EXIT.NOT_INCLUDED,
  TILE_MISSING: EXIT.NOT_INCLUDED,
  BODY_MISSING: EXIT.NOT_INCLUDED,
  STATE_INVALID: EXIT.NOT_INCLUDED,
  ROWS_INVALID: EXIT.DERIVED,
  CONSISTENCY_INVALID: EXIT.FORK,
  FORK: EXIT.FORK,
  QUORUM_NOT_MET: EXIT.QUORUM,
  STALE: EXIT.STALE,
  BUNDLE_INCOMPLETE: EXIT.NOT_INCLUDED,
  REQUEST_MISMATCH: EXIT.NOT_INCLUDED,
  DECISION_MISMATCH: EXIT.NOT_INCLUDED,
  NONCE_INVALID: EXIT.STALE,
  MISBEHAVIOUR_UNPROVEN: EXIT.NOT_INCLUDED,
};

/** Codes that mean something else to a caller of this command than their class says. */
const SPECIAL: Readonly<Partial<Record<CoreCode, ExitCode>>> = {
  // Another process is done sooner or later.
  LOG_LOCKED: EXIT.UNAVAILABLE,
  // The trust file does not accept the rules that the log is under.
  RULES_MISMATCH: EXIT.POLICY,
};

/** The exit code of a reason code. One that is not known here is a refusal that a newer log declares. */
export function exitCodeOf(code: string): ExitCode {
  if (Object.hasOwn(PROOF, code)) return PROOF[code as CodesOf<'proof'>];
  if (Object.hasOwn(SPECIAL, code)) return SPECIAL[code as CoreCode]!;
  const known = describeReason(code)?.class;
  if (known) return known === 'proof' ? EXIT.UNEXPECTED : BY_CLASS[known];
  // In evidence, a proof is a signature.
  const found = describeAttestationCode(code)?.class ?? 'refused';
  return found === 'proof' ? EXIT.BAD_SIGNATURE : BY_CLASS[found];
}
