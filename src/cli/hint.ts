/** What to do next, by reason code: one sentence after an error, where there is one that helps. */
import { describeReason } from '../chain/index.ts';
import type { CodeClass, CoreCode } from '../core/codes.ts';

const BY_CODE: Readonly<Partial<Record<CoreCode, string>>> = {
  ARGUMENT_INVALID: 'See `aichain help` and `aichain help <command>`.',
  CONFIG_INVALID: '`aichain env` lists every setting with its default.',
  UNAVAILABLE: 'Is the log running (`aichain serve`), and is --server its address?',
  LOG_CORRUPT:
    'Start nothing on this folder, and keep it: docs/guides/disaster-recovery.md. `aichain fsck` says what is wrong.',
  STORAGE_FAILED:
    'Is the disk full, or failing? `aichain fsck` says what is wrong; docs/guides/disaster-recovery.md has the way back.',
  LOG_LOCKED: 'Stop the other `aichain serve` on this folder, or choose another with --data-dir.',
  NOT_FOUND:
    'Entries are named by index (5) or entry id (43 characters); `aichain checkpoint` shows how many there are.',
  SIZE_NOT_AVAILABLE:
    'Only sizes that were published can be asked for: `aichain checkpoint` shows the newest.',
  TRUST_MALFORMED:
    'Ask the operator of the log for its trust.json; one that you run yourself writes it into its data folder.',
  ORIGIN_MISMATCH: 'The file belongs to another log than the trust file (or --log) names.',
  KID_UNKNOWN: 'Register the key first: participant.register, or key.add signed by a key that is registered.',
  SIGNER_UNKNOWN: '--issuer has to be the DID that the key is registered for.',
  SIGNER_NOT_ACTIVE: 'The SRO has to verify the participant first (participant.verify).',
  SIGNATURE_INVALID:
    'The bytes were changed after they were signed, or another key is needed: do not rely on them.',
  NOTE_UNSIGNED: 'Nothing in the checkpoint is signed by a key of the trust file.',
  RECEIPT_INVALID: 'Is this the receipt of this very statement? Ask the log for a new one: `aichain get`.',
  CONSISTENCY_INVALID:
    'Give the consistency proof between the two trees: `aichain prove consistency`. If there is none, the log has forked.',
  FORK: 'Keep both files: together they prove that the log has shown different histories.',
  STALE: 'Get a newer checkpoint and try again; if the log has none, it may be withheld from you.',
  QUORUM_NOT_MET: 'Get a checkpoint with more cosignatures, or ask why the witnesses are silent.',
  POP_MISSING: 'Give the private key of every key that the body lists: --pop-key FILE.',
  IAT_TOO_OLD: 'Sign the statement again: it was issued too long ago.',
  IAT_IN_FUTURE: 'Is the clock of this machine right?',
  REF_STALE: 'The subject has changed since: refer to the entry that last changed it.',
  PLACEHOLDER_VALUE: 'Fill in the value: empty texts, "null" and $VARIABLES are not logged.',
  SECRET_IN_BODY: 'Take the secret out: the log is public and for ever. If it was in use, revoke it.',
  NUMBER_MALFORMED:
    'Amounts are whole numbers in their smallest unit: micro-ε, pico-δ, minor currency units, seconds.',
  SCHEMA_INVALID: 'docs/reference lists the members of every kind’s body.',
  KIND_UNKNOWN: 'docs/reference lists the kinds that this log knows.',
};

const BY_CLASS: Readonly<Partial<Record<CodeClass, string>>> = {
  unavailable: 'Try again: everything that this command does may be repeated safely.',
  malformed: '`aichain inspect FILE` shows what can be read of a file.',
  fatal: 'This should not happen: please report it, with the lines above.',
};

/** What the system said tells more than the code that it was turned into. */
const BY_SYSTEM_CODE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Stop what listens there, or choose another port: 0 takes any free one.',
  EEXIST: 'Keys are never overwritten: choose another file.',
};

/** @param system code of the system call that failed, if one did */
export function hintFor(code: string, system?: string): string | undefined {
  if (system !== undefined && Object.hasOwn(BY_SYSTEM_CODE, system)) return BY_SYSTEM_CODE[system];
  const own = Object.hasOwn(BY_CODE, code) ? BY_CODE[code as CoreCode] : undefined;
  return own ?? BY_CLASS[describeReason(code)?.class ?? 'refused'];
}
