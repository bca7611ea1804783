/**
 * The closed catalogue of reason codes that do not belong to one entry kind. A kind declares its own refusals
 * beside its rule (src/chain/kinds); together they are every code this software can answer.
 * The class of a code says what the sender can do about it; adapters map classes to HTTP and gRPC status codes.
 */

/**
 * - `malformed`: the bytes can never be right. - `refused`: well formed, not accepted. - `missing`: nothing there.
 * - `unavailable`: try again later. - `proof`: a verification failed. - `usage`: called wrongly.
 * - `fatal`: the log stops.
 */
export type CodeClass = 'malformed' | 'refused' | 'missing' | 'unavailable' | 'proof' | 'usage' | 'fatal';

export const CODES = {
  // core
  BYTES_MALFORMED: ['malformed', 'A text or byte form is not the canonical one.'],
  CBOR_MALFORMED: [
    'malformed',
    'Not well-formed CBOR, or beyond a limit of the profile (size, depth, type).',
  ],
  CBOR_NOT_DETERMINISTIC: [
    'malformed',
    'Well-formed CBOR, but not the deterministic form of RFC 8949 §4.2.1.',
  ],
  COSE_MALFORMED: ['malformed', 'Not the COSE structure that is expected here.'],
  COSE_TAG_WRONG: ['malformed', 'The CBOR tag is missing or is not that of COSE_Sign1 (18).'],
  KEY_MALFORMED: ['malformed', 'Not a COSE key of a supported type, or not in canonical form.'],
  KEY_WEAK: [
    'refused',
    'The public key is not a usable point: off the curve, of small order or not canonical.',
  ],
  SIGNATURE_INVALID: ['proof', 'The signature does not verify under the key and the strict profile.'],
  ALG_NOT_ALLOWED: [
    'refused',
    'The signature algorithm is unknown, or the policy in force does not allow it.',
  ],
  CRIT_UNKNOWN: ['refused', 'The crit header lists a label that is not understood.'],
  HEADER_MISSING: ['malformed', 'A protected header that must be there is missing or has the wrong type.'],
  // envelope and shared refusals (LIFECYCLE)
  KIND_UNKNOWN: ['refused', 'The log does not know this kind of entry.'],
  SCHEMA_INVALID: ['malformed', 'The body does not match the schema of its kind.'],
  STATEMENT_TOO_LARGE: ['malformed', 'The statement is larger than the log takes (1 MiB at most).'],
  ORIGIN_MISMATCH: ['refused', 'The statement or checkpoint was made for another log.'],
  DUPLICATE: ['refused', 'The same statement is in the log already; a second copy has no effect.'],
  ID_MALFORMED: ['malformed', 'An identifier is not a DID or URN of the form that is required here.'],
  ID_TAKEN: ['refused', 'The identifier is in use already.'],
  REF_NOT_FOUND: [
    'refused',
    'A reference points to an entry that is not in the log, or not to that entry id.',
  ],
  REF_WRONG_KIND: ['refused', 'A reference points to an entry of another kind than the relation needs.'],
  REF_STALE: ['refused', 'The state has changed since the entry that the reference names.'],
  IAT_IN_FUTURE: ['refused', 'The statement was issued more than five minutes in the future.'],
  IAT_TOO_OLD: ['refused', 'The statement was issued longer ago than the policy allows.'],
  EFFECTIVE_FROM_PAST: ['refused', 'The effect would begin before the entry is in the log.'],
  SIGNER_UNKNOWN: ['refused', 'The issuer is not a registered participant, or the key is not the issuer’s.'],
  KID_UNKNOWN: ['refused', 'No key with this thumbprint is registered.'],
  KEY_EXPIRED: ['refused', 'The key’s validity has ended.'],
  KEY_REVOKED: ['refused', 'The key has been revoked.'],
  POP_MISSING: ['refused', 'A listed key lacks a proof of possession, or the proof does not verify.'],
  ROLE_NOT_HELD: ['refused', 'The signer does not hold the role that this needs.'],
  SIGNER_NOT_ACTIVE: ['refused', 'The signer is not (yet, or any more) in the state that this needs.'],
  SIGNER_SUSPENDED: ['refused', 'The signer is suspended.'],
  DELEGATION_MISSING: ['refused', 'The signer acts on behalf of a participant who has not delegated this.'],
  DELEGATION_EXPIRED: ['refused', 'The delegation has ended.'],
  STATE_WRONG: ['refused', 'The subject is not in a state from which this step is possible.'],
  PLACEHOLDER_VALUE: ['malformed', 'A value is a placeholder ("", "$VAR", "null"), not a value.'],
  NUMBER_MALFORMED: ['malformed', 'An amount is not an exact integer in range.'],
  SECRET_IN_BODY: ['refused', 'The body holds a secret (bearer token, SAS signature, private key).'],
  FORMAT_NOT_SUPPORTED: ['refused', 'The file format is not supported.'],
  // admission: answered at the door, never a verdict
  RATE_LIMITED: ['unavailable', 'Too many requests from this client or issuer; see the retry delay.'],
  LOG_OVERLOADED: ['unavailable', 'The admission queue is full; see the retry delay.'],
  LOG_READ_ONLY: ['unavailable', 'The log does not take entries now (disk floor, or an integrity alarm).'],
  MIRROR_READ_ONLY: ['refused', 'This is a copy of the log: statements are registered with the log itself.'],
  MIRROR_BEHIND: [
    'unavailable',
    'The copy has not reached a head of the log yet that this could be answered from.',
  ],
  LOG_CLOSING: ['unavailable', 'The log is shutting down.'],
  LOG_RECOVERING: [
    'unavailable',
    'A write failed and the log is being verified again; the outcome of this request is not known. Registering the same statement again is safe.',
  ],
  INDEX_BEHIND: [
    'unavailable',
    'The index that answers this is being built from the log; the log itself is not affected.',
  ],
  DEADLINE_EXCEEDED: [
    'unavailable',
    'The answer was not ready before the deadline; registering again is safe.',
  ],
  NOT_WITNESSED: [
    'unavailable',
    'No tree head that this could be answered from meets the quorum of the log’s witness policy yet.',
  ],
  UNAUTHENTICATED: ['refused', 'The connection has no client certificate, or one that is not trusted.'],
  // evidence store
  EVIDENCE_ACCESS_DENIED: [
    'refused',
    'Evidence identifies machines: only those whom the operator names may read it, or store what the log does not name.',
  ],
  EVIDENCE_NOT_LISTED: ['refused', 'The log has no cleanroom.attest of this clean room with this digest.'],
  EVIDENCE_DIGEST_MISMATCH: [
    'malformed',
    'The evidence does not hash to the digest that it was sent or asked for under.',
  ],
  EVIDENCE_NOT_FOUND: ['missing', 'The evidence store has nothing with this digest.'],
  EVIDENCE_STORE_FULL: ['unavailable', 'The evidence store has reached the size that the operator allows.'],
  EVIDENCE_CORRUPT: ['fatal', 'A file of the evidence store does not hash to its name.'],
  // training, and what goes into a clean room and leaves it
  DATA_MALFORMED: ['malformed', 'A data file is not the CSV that its configuration describes.'],
  PIPELINE_UNSUPPORTED: ['refused', 'The pipeline asks for something that this clean room does not do.'],
  TRUST_NOT_CERTIFIED: [
    'refused',
    'The ledger is verified by another trust file than the one that the certified code of the clean room names.',
  ],
  TRAINING_OVER_RESERVE: ['refused', 'The training would spend more privacy than is reserved for it.'],
  MODEL_MALFORMED: ['malformed', 'Not a safetensors file, or not files that a model can consist of.'],
  MODEL_UNKNOWN: [
    'proof',
    'No model of the log has this digest, or a file beside it did not leave its clean room with it.',
  ],
  SEALED_FILE_INVALID: [
    'proof',
    'The encrypted file was altered or cut short, or was sealed for another dataset, version or key.',
  ],
  WRAPPED_KEY_INVALID: [
    'proof',
    'The wrapped key does not open: it was altered, or wrapped to another key or for another purpose.',
  ],
  // key management
  DATA_KEY_NOT_HELD: [
    'missing',
    'The key management service has no such key from the owner of what it would open.',
  ],
  KEY_POLICY_UNSUPPORTED: [
    'refused',
    'The key would be kept, or released, under a condition that this service cannot hold it to.',
  ],
  KEY_POLICY_NOT_MET: [
    'refused',
    'The clean room’s code may run what the owner has not imported the key for.',
  ],
  // lookups
  NOT_FOUND: ['missing', 'There is no such entry, tile, key or page.'],
  SIZE_NOT_AVAILABLE: ['missing', 'The log has not published a tree of this size.'],
  ARGUMENT_INVALID: ['usage', 'An argument is missing, malformed or out of range.'],
  REQUEST_MALFORMED: ['malformed', 'The request cannot be parsed.'],
  REQUEST_TOO_LARGE: ['malformed', 'The request, or a part of it, is larger than the server takes.'],
  MEDIA_TYPE_UNSUPPORTED: ['usage', 'The request body is not of a media type that is understood here.'],
  METHOD_NOT_ALLOWED: ['usage', 'The resource does not have this method.'],
  // verification
  PROOF_MALFORMED: ['malformed', 'The proof does not have the shape or length that the sizes call for.'],
  INCLUSION_INVALID: ['proof', 'The inclusion proof does not lead from the leaf to the root.'],
  CONSISTENCY_INVALID: ['proof', 'The consistency proof does not connect the two roots.'],
  FACT_INVALID: ['proof', 'The state proof does not lead from the fact to the map root.'],
  NOTE_MALFORMED: ['malformed', 'Not a signed note.'],
  NOTE_UNSIGNED: ['proof', 'No signature by a known key is on the note.'],
  VKEY_MALFORMED: ['malformed', 'Not a verifier key, or its key id is not that of its key.'],
  CHECKPOINT_MALFORMED: ['malformed', 'The note’s text is not a checkpoint.'],
  POLICY_MALFORMED: ['malformed', 'Not a tlog-policy file.'],
  QUORUM_NOT_MET: ['proof', 'The cosignatures do not meet the quorum of the trust policy.'],
  WITNESS_REFUSED: ['refused', 'A witness has not cosigned the log’s tree head.'],
  VDS_UNSUPPORTED: [
    'proof',
    'The receipt is over a verifiable data structure that this software does not know.',
  ],
  RECEIPT_INVALID: ['proof', 'The receipt does not fit the statement, the log’s key or its own tree size.'],
  PREIMAGE_MISMATCH: ['proof', 'The bytes do not hash to the digest that was signed for them.'],
  ENTRY_MALFORMED: ['malformed', 'Not a state entry or verdict of a log.'],
  TIP_INVALID: ['proof', 'The last leaf of the tree is not the state entry that was given.'],
  TILE_INVALID: ['proof', 'A tile does not hash to the tree that it was read for.'],
  TILE_MISSING: ['proof', 'The log does not serve a tile of a tree that it has signed.'],
  BODY_MISSING: ['proof', 'The log does not serve the statement of an entry that it has logged.'],
  ROWS_INVALID: ['proof', 'Stored rows that follow from a log’s entries are not what the entries lead to.'],
  STATE_INVALID: ['proof', 'A state entry of the log is not what replaying the log leads to.'],
  FORK: ['proof', 'Two views of the log are inconsistent: the log has shown different histories.'],
  STALE: ['proof', 'The view is older than one seen before, or than the freshness limit.'],
  TRUST_MALFORMED: ['malformed', 'The trust file is malformed.'],
  BUNDLE_MALFORMED: [
    'malformed',
    'Not a proof bundle, or one with something in it that its decision does not rest on.',
  ],
  BUNDLE_INCOMPLETE: ['proof', 'The proof bundle lacks something that its decision rests on.'],
  REQUEST_MISMATCH: ['proof', 'The proof bundle answers another question than the verifier’s own.'],
  DECISION_MISMATCH: ['proof', 'The proven facts lead to another decision than the proof bundle states.'],
  NONCE_INVALID: [
    'proof',
    'The nonce was not drawn by this client, too long ago, or was used for a release before.',
  ],
  MISBEHAVIOUR_MALFORMED: [
    'malformed',
    'Not a proof of misbehaviour, or one with something in it that it cannot have.',
  ],
  MISBEHAVIOUR_UNPROVEN: ['proof', 'The file does not convict the log of what it says.'],
  // storage and start
  STORAGE_FAILED: ['fatal', 'The storage could not be read or written.'],
  STORAGE_CONFLICT: ['fatal', 'Somebody else has committed to the storage: another sequencer is at work.'],
  LOG_LOCKED: ['fatal', 'Another process has the log open.'],
  LOG_CORRUPT: ['fatal', 'Stored bytes do not hash to what was published.'],
  RULES_MISMATCH: ['fatal', 'The log was written under other rules than this software implements.'],
  KEY_PURPOSE_CLASH: ['fatal', 'One key would serve two purposes.'],
  BACKUP_MALFORMED: ['malformed', 'Not a backup of a log, or one that is damaged or not whole.'],
  CONFIG_INVALID: ['usage', 'The configuration is invalid.'],
  ATTACK_NOT_STOPPED: [
    'fatal',
    'An attack that was played got through, or was stopped elsewhere than declared.',
  ],
  UNAVAILABLE: ['unavailable', 'The server cannot be reached.'],
  RESPONSE_MALFORMED: ['malformed', 'The server’s answer is not one to the request that was made.'],
  INTERNAL: ['fatal', 'A defect in this software.'],
} as const satisfies Record<string, readonly [CodeClass, string]>;

export type CoreCode = keyof typeof CODES;
