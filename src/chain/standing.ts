/** Whether a key, a participant or a delegate is good at t. Ends are derived by time here; nothing is stored then. */
import type { StateReader } from './record.ts';
import { type Refusal, refuse } from './refusal.ts';
import { DELEGATION, type KeyRecord, type ParticipantRecord } from './state.ts';

/** Whether `seconds`, the point in time up to which something is good, is before `time` (Unix milliseconds). */
function ended(seconds: number | undefined, time: number): boolean {
  return seconds !== undefined && seconds * 1000 < time;
}

export function keyFault(key: KeyRecord, time: number): Refusal<'KEY_REVOKED' | 'KEY_EXPIRED'> | undefined {
  if (key.revoked) return refuse('KEY_REVOKED', `by entry ${key.revoked.entry}`);
  return ended(key.notAfter, time) ? refuse('KEY_EXPIRED') : undefined;
}

export function standingFault(
  { state, validUntil }: ParticipantRecord,
  needed: 'verified' | 'active',
  time: number,
): Refusal<'SIGNER_SUSPENDED' | 'SIGNER_NOT_ACTIVE'> | undefined {
  if (state === 'SUSPENDED') return refuse('SIGNER_SUSPENDED');
  if (state !== 'ACTIVE' && (needed === 'active' || state !== 'VERIFIED')) {
    return refuse('SIGNER_NOT_ACTIVE', state);
  }
  return ended(validUntil, time) ? refuse('SIGNER_NOT_ACTIVE', 'its validity has ended') : undefined;
}

export function delegationFault(
  read: StateReader,
  grantor: string,
  delegate: string,
  role: string,
  time: number,
): Refusal<'DELEGATION_MISSING' | 'DELEGATION_EXPIRED'> | undefined {
  const delegation = DELEGATION.read(read, grantor, delegate, role);
  if (!delegation || delegation.revoked) return refuse('DELEGATION_MISSING', `${role} of ${grantor}`);
  return ended(delegation.notAfter, time) ? refuse('DELEGATION_EXPIRED') : undefined;
}
