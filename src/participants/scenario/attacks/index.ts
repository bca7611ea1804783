/** Every attack that is known by name. */
import { fail } from '../../../core/errors.ts';
import { allowAllPolicy } from './allow-all-policy.ts';
import type { Attack } from './attack.ts';
import { debugGuest } from './debug-guest.ts';
import { expiredContract } from './expired-contract.ts';
import { modelFileAltered } from './model-file-altered.ts';
import { releasedToWrongParty } from './released-to-wrong-party.ts';
import { replayedEvidence } from './replayed-evidence.ts';
import { revokedDataset } from './revoked-dataset.ts';
import { secondRunOverBudget } from './second-run-over-budget.ts';
import { stolenKeyRequest } from './stolen-key-request.ts';
import { tamperedCiphertext } from './tampered-ciphertext.ts';
import { unsignedParty } from './unsigned-party.ts';
import { wrongPurpose } from './wrong-purpose.ts';

export const ATTACKS: readonly Attack[] = [
  unsignedParty,
  expiredContract,
  wrongPurpose,
  revokedDataset,
  debugGuest,
  allowAllPolicy,
  replayedEvidence,
  secondRunOverBudget,
  stolenKeyRequest,
  tamperedCiphertext,
  releasedToWrongParty,
  modelFileAltered,
];

/** @throws ARGUMENT_INVALID there is none of this name */
export function attackNamed(name: string): Attack {
  const found = ATTACKS.find((attack) => attack.name === name);
  if (found) return found;
  throw fail('ARGUMENT_INVALID', `no attack ${name}: one of ${ATTACKS.map((each) => each.name).join(', ')}`);
}
