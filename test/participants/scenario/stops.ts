/** Where each attack has to be stopped, and why: said here once more, so that no declaration is loosened unnoticed. */
export const STOPS: Readonly<Record<string, readonly string[]>> = {
  'unsigned-party': [
    'contract.sign: SIGNER_UNKNOWN',
    'contract.activate: CONTRACT_NOT_FULLY_SIGNED',
    'cleanroom.deploy: CONTRACT_NOT_FULLY_SIGNED',
  ],
  'expired-contract': ['contract.activate: CONTRACT_EXPIRED', 'cleanroom.deploy: CONTRACT_EXPIRED'],
  'wrong-purpose': ['contract.propose: PURPOSE_NOT_PERMITTED'],
  'revoked-dataset': ['key.release: CLEANROOM_BLOCKED', 'contract.activate: DATASET_WITHDRAWN'],
  'debug-guest': ['cleanroom.appraise: CLEANROOM_NOT_ATTESTED'],
  'allow-all-policy': ['code.certify: CODE_ALLOW_ALL', 'cleanroom.appraise: CLEANROOM_NOT_ATTESTED'],
  'replayed-evidence': [
    'cleanroom.appraise: CLEANROOM_NOT_ATTESTED',
    'cleanroom.appraise: EVIDENCE_REPLAYED',
  ],
  'second-run-over-budget': ['key.release: BUDGET_EXHAUSTED'],
  'stolen-key-request': ['key.request: SIGNER_UNKNOWN', 'key unwrap: WRAPPED_KEY_INVALID'],
  'tampered-ciphertext': ['mount: MOUNT_DIGEST_MISMATCH'],
  'released-to-wrong-party': ['model.release: RELEASE_TO_WRONG_PARTY'],
  'model-file-altered': [
    'model.release: CIPHERTEXT_MISMATCH',
    'model verify: MODEL_UNKNOWN',
    'model verify: MODEL_UNKNOWN',
  ],
};

/** What verifiers have to have found. */
export const FINDINGS: Readonly<Record<string, readonly RegExp[]>> = {
  'debug-guest': [/GUEST_DEBUG/],
  'allow-all-policy': [/CONTAINER_POLICY_ALLOWS_ALL/],
  'replayed-evidence': [/BINDING_OTHER_CLEANROOM/],
};
