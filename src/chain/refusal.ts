/** A refusal as a value: rules answer with it, they do not throw. An exception in a rule is a defect. */
import type { CoreCode } from '../core/codes.ts';

/** Reasons that every kind can end in before its own rule is asked: envelope, then signer. */
export const FRAME_REASONS = [
  // the bytes
  'STATEMENT_TOO_LARGE',
  'CBOR_MALFORMED',
  'COSE_TAG_WRONG',
  'COSE_MALFORMED',
  'CBOR_NOT_DETERMINISTIC',
  'HEADER_MISSING',
  'CRIT_UNKNOWN',
  'ALG_NOT_ALLOWED',
  'KIND_UNKNOWN',
  'SCHEMA_INVALID',
  'ID_MALFORMED',
  'NUMBER_MALFORMED',
  'PLACEHOLDER_VALUE',
  'SECRET_IN_BODY',
  // the bytes in this log
  'GENESIS_MISSING',
  'ORIGIN_MISMATCH',
  'DUPLICATE',
  'IAT_IN_FUTURE',
  'IAT_TOO_OLD',
  'REF_NOT_FOUND',
  'REF_WRONG_KIND',
  'REF_STALE',
  // the signer
  'KID_UNKNOWN',
  'SIGNER_UNKNOWN',
  'KEY_REVOKED',
  'KEY_EXPIRED',
  'SIGNATURE_INVALID',
  'ROLE_NOT_HELD',
  'SIGNER_SUSPENDED',
  'SIGNER_NOT_ACTIVE',
  'DELEGATION_MISSING',
  'DELEGATION_EXPIRED',
] as const;
export type FrameReason = (typeof FRAME_REASONS)[number];

/** Catalogue codes that a kind may also answer with, once it lists them. */
export type SharedReason = Extract<
  CoreCode,
  | FrameReason
  | 'ID_TAKEN'
  | 'STATE_WRONG'
  | 'EFFECTIVE_FROM_PAST'
  | 'KEY_MALFORMED'
  | 'KEY_WEAK'
  | 'POP_MISSING'
  | 'FORMAT_NOT_SUPPORTED'
  | 'RULES_MISMATCH'
>;

export interface Refusal<Code extends string = string> {
  readonly refused: Code;
  /** For the sender, in plain words; no part of the verdict. */
  readonly detail: string | undefined;
}

/** @example if (key.revoked) return refuse('KEY_REVOKED', 'revoked by entry 7'); */
export function refuse<const Code extends string>(refused: Code, detail?: string): Refusal<Code> {
  return { refused, detail };
}

export function isRefusal<T extends object, Code extends string>(
  value: T | Refusal<Code>,
): value is Refusal<Code> {
  return 'refused' in value;
}
