/** The overlay: the project's own file, so that a name in it that nobody reads is a slip, and is said to be one. */
import type { Place } from './place.ts';

const DATASET = [
  'id',
  'version',
  'provider',
  'name',
  'schema',
  'card',
  'url',
  'ciphertext',
  'size',
  'format',
  'plaintext',
  'sampleUrl',
  'sampleDigest',
  'kms',
  'dataKeyId',
  'keyEndpoint',
  'sensitivity',
  'personal',
  'scope',
  'legalBasis',
  'purposes',
  'joinKeys',
  'targets',
  'budget',
  'terms',
  'retentionUntil',
];
const CONTRACT = [
  'id',
  'version',
  'start',
  'expiry',
  'tdc',
  'tdps',
  'ccrp',
  'collab',
  'paymentService',
  'purpose',
  'maxRuns',
  'code',
  'verifiers',
  'quorum',
  'appraisalPolicy',
  'joinKeys',
  'targets',
  'payments',
  'revocation',
  'refundAfterGrant',
  'baseModel',
  'supersedes',
];
const CLEANROOM = ['id', 'deployer', 'code', 'deadline', 'private', 'epsilon', 'delta', 'salt'];
const CODE = [
  'id',
  'images',
  'hostData',
  'ledgerTrust',
  'frameworks',
  'accountant',
  'debug',
  'allowAll',
  'notAfter',
];

/** Notes every name that is not one of the overlay's. */
export function checkNames(overlay: Place, contract: Place): void {
  only(overlay, ['variables', 'contract', 'eachDataset', 'datasets', 'cleanroom', 'code']);
  only(overlay.at('contract'), CONTRACT);
  only(overlay.at('eachDataset'), DATASET);
  only(overlay.at('cleanroom'), CLEANROOM);
  only(overlay.at('code'), CODE);
  const ids = contract
    .at('datasets')
    .items()
    .map((dataset) => String(dataset.at('id').value));
  only(overlay.at('datasets'), ids);
  for (const id of ids) only(overlay.at('datasets', id), DATASET);
}

function only(place: Place, known: readonly string[]): void {
  for (const name of place.names()) {
    if (!known.includes(name)) place.at(name).problem('SCHEMA_INVALID', 'the overlay has no such member');
  }
}
