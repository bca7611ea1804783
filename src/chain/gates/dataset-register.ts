/** dataset.register: may this version of a dataset be offered, and its key be kept, as what it is registered for? */
import { equal } from '../../core/bytes.ts';
import { DATASET, dataKeyId } from '../records/dataset.ts';
import { refuse } from '../refusal.ts';
import { did, uint, urn } from '../schema.ts';
import { delegationFault, standingFault } from '../standing.ts';
import { digest, PARTICIPANT } from '../state.ts';
import { stateAt } from '../stop.ts';
import { declareGate } from './gate.ts';

export const register = declareGate({
  step: 'dataset.register',
  question:
    'Is this version of the dataset registered, usable, and of this provider, ciphertext and data key?',
  members: {
    dataset: urn('dataset'),
    version: uint({ min: 1 }),
    provider: did,
    /** SHA-256 of the encrypted file. */
    ciphertext: digest,
    kms: did,
    dataKeyId,
  },
  reasons: {
    DATASET_NOT_FOUND: 'No dataset is registered with this id and version.',
    PROVIDER_MISMATCH: 'The dataset is another provider’s.',
    CIPHERTEXT_MISMATCH: 'The dataset is registered with another ciphertext.',
    DATA_KEY_MISMATCH: 'The dataset is registered with another key, or another key management service.',
    DATASET_SUPERSEDED: 'A later version of the dataset has been registered.',
    DATASET_WITHDRAWN: 'The dataset has been withdrawn.',
    DATASET_SUSPENDED: 'The dataset is suspended.',
    DATASET_EXPIRED: 'The dataset’s retention has ended.',
    PROVIDER_NOT_ACTIVE: 'The provider is not, or not any more, an active participant.',
    KMS_NOT_DELEGATED: 'The provider has not delegated its keys to this key management service.',
  },
  decide({ read, at }, { dataset, version, provider, ciphertext, kms, dataKeyId: key }) {
    const record = DATASET.read(read, dataset, version);
    if (!record) return refuse('DATASET_NOT_FOUND');
    if (record.provider !== provider) return refuse('PROVIDER_MISMATCH');
    if (!equal(record.ciphertext, ciphertext)) return refuse('CIPHERTEXT_MISMATCH');
    if (record.kms !== kms || record.dataKeyId !== key) return refuse('DATA_KEY_MISMATCH');
    const state = stateAt(record, at);
    if (state !== 'PUBLISHED') return refuse(`DATASET_${state}`);
    if (record.retentionUntil !== undefined && record.retentionUntil * 1000 < at) {
      return refuse('DATASET_EXPIRED');
    }
    const participant = PARTICIPANT.read(read, provider);
    if (!participant || standingFault(participant, 'active', at)) return refuse('PROVIDER_NOT_ACTIVE');
    return kms !== provider && delegationFault(read, provider, kms, 'kms', at, dataset)
      ? refuse('KMS_NOT_DELEGATED')
      : undefined;
  },
});
