/**
 * The closed catalogue of reasons that an appraisal can give: each check has codes of its own, so that a refusal says
 * what to look at. They are apart from the codes of the log (src/core/codes.ts), which appraisal is no part of.
 */
import type { CodeClass } from '../core/codes.ts';
import { LedgerError } from '../core/errors.ts';

export const ATTESTATION_CODES = {
  // what the evidence is brought in
  EVIDENCE_TOO_LARGE: ['malformed', 'The evidence, or a part of it, is larger than any genuine one.'],
  ENVELOPE_MALFORMED: [
    'malformed',
    'The envelope is not a JSON object with the known members in base64, each at most once.',
  ],
  JSON_MALFORMED: ['malformed', 'Not JSON: a syntax error, a member twice, or nested too deeply.'],
  JSON_NUMBER_INEXACT: ['malformed', 'A number in JSON is not a whole number below 2^53.'],
  JSON_NOT_CANONICAL: ['malformed', 'JSON is not in the canonical form of RFC 8785.'],
  PEM_MALFORMED: ['malformed', 'Not a sequence of PEM certificates and nothing else.'],
  DER_MALFORMED: ['malformed', 'Not DER: a length or value is not in its only form, or bytes are left over.'],
  ANCHORS_TYPE_MISMATCH: ['refused', 'The anchors are for another type of TEE than the evidence.'],
  // the report by itself
  REPORT_SIZE_WRONG: ['malformed', 'The report is not 1184 bytes long.'],
  REPORT_VERSION_UNSUPPORTED: ['refused', 'The report is of a version that is not known here (2, 3, 5 are).'],
  REPORT_VERSION_BELOW_POLICY: ['refused', 'The report is of an older version than the policy takes.'],
  REPORT_RESERVED_NOT_ZERO: [
    'malformed',
    'A part of the report that is reserved in its version is not zero.',
  ],
  GUEST_POLICY_RESERVED: ['malformed', 'Bit 17 of the guest policy is not set, or a reserved bit is.'],
  REPORT_ALGORITHM_UNKNOWN: ['refused', 'The report is not signed with ECDSA on P-384 with SHA-384.'],
  REPORT_SIGNER_UNKNOWN: ['refused', 'The report says that neither a VCEK nor a VLEK signed it.'],
  REPORT_SIGNER_NOT_ALLOWED: ['refused', 'The policy does not take reports that this type of key signed.'],
  CHIP_KEY_MASKED: ['refused', 'The chip key is masked: nothing has signed the report.'],
  REPORT_WITHOUT_CPUID: [
    'refused',
    'The report does not say which stepping it is of, so that micro-code levels cannot be compared.',
  ],
  PRODUCT_UNKNOWN: ['refused', 'The CPUID is not of a processor that is known here.'],
  // the chain of certificates
  CERTIFICATE_MALFORMED: ['malformed', 'Not a version 3 certificate in DER.'],
  CERTIFICATE_EXTENSION_DUPLICATE: ['malformed', 'A certificate has an extension twice.'],
  CERTIFICATE_CRITICAL_UNKNOWN: ['refused', 'A certificate has a critical extension that is not known here.'],
  CHAIN_LENGTH_WRONG: ['refused', 'The chain is not three certificates: of the chip, intermediate and root.'],
  CHAIN_ORDER_WRONG: [
    'refused',
    'The chain does not lead from the chip’s certificate to a self-issued root.',
  ],
  ROOT_NOT_ANCHORED: ['refused', 'The root certificate is not among the published anchors.'],
  INTERMEDIATE_NOT_ANCHORED: [
    'refused',
    'The anchors list the intermediate certificates that may be used, and this is none of them.',
  ],
  SIMULATED_EVIDENCE: ['refused', 'The evidence is a simulator’s, and the anchors are not a simulator’s.'],
  CHAIN_NAMES_MISMATCH: ['refused', 'A certificate does not name the next one of the chain as its issuer.'],
  CHAIN_PRODUCT_MISMATCH: ['refused', 'The certificates are not for the product that made the report.'],
  CHAIN_SIGNER_MISMATCH: ['refused', 'The certificates are of another type of key than signed the report.'],
  CHAIN_NOT_CA: ['refused', 'A certificate that issued another is not that of a certificate authority.'],
  CHAIN_PATH_TOO_LONG: ['refused', 'There are more certificates below an authority than it allows.'],
  CHAIN_KEY_USAGE: ['refused', 'A certificate that issued another may not sign certificates.'],
  CHAIN_ALGORITHM_WRONG: ['refused', 'A certificate is not signed with RSA-4096 PSS, SHA-384, salt 48.'],
  CHAIN_SIGNATURE_INVALID: [
    'proof',
    'The signature of a certificate does not verify under its issuer’s key.',
  ],
  CERTIFICATE_EXPIRED: ['refused', 'A certificate had expired at the time of the appraisal.'],
  CERTIFICATE_NOT_YET_VALID: ['refused', 'A certificate was not valid yet at the time of the appraisal.'],
  VEK_CURVE_WRONG: ['refused', 'The chip’s key is not a point on P-384.'],
  TCB_EXTENSION_MISSING: ['refused', 'The chip’s certificate lacks an extension that AMD’s have.'],
  TCB_EXTENSION_INVALID: [
    'malformed',
    'An extension of the chip’s certificate is out of range or of another type.',
  ],
  // the report under its key
  REPORT_SIGNATURE_RANGE: [
    'malformed',
    'R or S of the report’s signature is zero, or not below the group order.',
  ],
  REPORT_SIGNATURE_PADDING: ['malformed', 'The bytes above R or S, or after the signature, are not zero.'],
  REPORT_SIGNATURE_INVALID: ['proof', 'The report’s signature does not verify under the chip’s key.'],
  TCB_CERTIFICATE_MISMATCH: ['refused', 'The TCB that the report states is not the one that its key is for.'],
  PRODUCT_NOT_ALLOWED: ['refused', 'The policy does not list the processor.'],
  TCB_BELOW_MINIMUM: ['refused', 'A component of the TCB is older than the policy takes.'],
  TCB_ABOVE_CURRENT: ['refused', 'The TCB that the report states is newer than what is running.'],
  CHIP_ID_ZERO: ['refused', 'The report does not name its chip.'],
  CHIP_ID_MISMATCH: ['refused', 'The report is of another chip than the certificate.'],
  CHIP_DENIED: ['refused', 'The policy denies this chip.'],
  CHIP_NOT_ALLOWED: ['refused', 'The policy lists the chips that it takes, and this is none of them.'],
  GUEST_DEBUG: ['refused', 'The host can read and change the machine: debugging is on.'],
  GUEST_MIGRATION: ['refused', 'The machine can be moved by a migration agent.'],
  VMPL_HOST: ['refused', 'The report was asked for by the host, not from inside the machine.'],
  VMPL_NOT_ALLOWED: [
    'refused',
    'The report was asked for from a privilege level that the policy does not take.',
  ],
  PLATFORM_BIT_MISSING: ['refused', 'A platform feature that the policy requires is off.'],
  // what was launched
  MEASUREMENT_NOT_ALLOWED: ['refused', 'The launch measurement is neither listed nor endorsed.'],
  UVM_MALFORMED: [
    'malformed',
    'The endorsement is not a COSE_Sign1 of the form that is known, and nothing else.',
  ],
  UVM_ALGORITHM_WRONG: ['refused', 'The endorsement is not signed with PS384.'],
  UVM_ISSUER_NOT_ALLOWED: ['refused', 'The endorsement is by somebody whom policy or anchors do not name.'],
  UVM_FEED_NOT_ALLOWED: ['refused', 'The endorsement is of a product that policy or anchors do not name.'],
  UVM_CHAIN_INVALID: ['refused', 'The certificates of the endorsement do not form a valid chain.'],
  UVM_ROOT_MISMATCH: [
    'refused',
    'The authority that the issuer’s name stands for did not issue the certificate.',
  ],
  UVM_EKU_MISSING: ['refused', 'The signing certificate is not for the use that the issuer’s name states.'],
  UVM_SIGNING_TIME: [
    'refused',
    'The endorsement states no signing time, one to come, or one at which a certificate was not valid.',
  ],
  UVM_SIGNATURE_INVALID: ['proof', 'The signature of the endorsement does not verify.'],
  UVM_SVN_MALFORMED: ['malformed', 'The endorsement’s security version is not a whole number in decimal.'],
  UVM_SVN_BELOW_MINIMUM: ['refused', 'The endorsed machine is of an older security version than is taken.'],
  UVM_MEASUREMENT_MISMATCH: ['refused', 'The endorsement is of another launch measurement.'],
  // who may tell it what to run
  HOST_DATA_NOT_ALLOWED: ['refused', 'The policy does not list the host data.'],
  HOST_DATA_MISMATCH: ['refused', 'The host data is not SHA-256 of the container policy that came with it.'],
  CONTAINER_POLICY_MISSING: [
    'refused',
    'No container policy came with the evidence, so that nothing says what the host may run in the machine.',
  ],
  CONTAINER_POLICY_ALLOWS_ALL: ['refused', 'The container policy lets the host run anything in the machine.'],
  CONTAINER_POLICY_UNKNOWN: [
    'refused',
    'The container policy has rules that are not understood here, so that nothing can be said about it.',
  ],
  // what the report is for
  RUNTIME_DATA_MISMATCH: [
    'refused',
    'The report data is not the digest of the runtime data that came with it.',
  ],
  BINDING_OTHER_LOG: ['refused', 'The report was made for another log.'],
  BINDING_OTHER_CLEANROOM: [
    'refused',
    'The report was made for another clean room, or another deployment of it.',
  ],
  BINDING_OTHER_HEAD: ['refused', 'The report was made at another head of the log: for another session.'],
  BINDING_OTHER_KEYS: ['refused', 'The report vouches for other keys.'],
  REPORT_DATA_MISMATCH: ['refused', 'The 64 bytes of report data are not those that are expected.'],
  BINDING_NOT_ASKED: ['refused', 'What the report should be for was not stated, so that it was not checked.'],
  HEAD_STALE: ['refused', 'The head that the evidence names is older than the policy takes.'],
  HEAD_IN_FUTURE: ['refused', 'The head that the evidence names is later than the appraisal.'],
  EVIDENCE_REPLAYED: ['refused', 'The same report stands for another clean room already.'],
  // documents that the caller brings
  APPRAISAL_POLICY_MALFORMED: ['malformed', 'Not an appraisal policy.'],
  APPRAISAL_POLICY_ALLOWS_ALL: [
    'refused',
    'The appraisal policy leaves open what may run, where, or who can look into it.',
  ],
  ANCHORS_MALFORMED: ['malformed', 'Not a document of anchors.'],
} as const satisfies Record<string, readonly [CodeClass, string]>;

export type AttestationCode = keyof typeof ATTESTATION_CODES;

/** Makes (does not throw) the error of a check that does not hold. */
export function deny(code: AttestationCode, message: string, cause?: unknown): LedgerError<AttestationCode> {
  return new LedgerError(code, message, cause === undefined ? {} : { cause });
}

/** What a code of an appraisal means, and its class; undefined for any other code. */
export function describeAttestationCode(code: string): { class: CodeClass; text: string } | undefined {
  if (!Object.hasOwn(ATTESTATION_CODES, code)) return undefined;
  const [kind, text] = ATTESTATION_CODES[code as AttestationCode];
  return { class: kind, text };
}
