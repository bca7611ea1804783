/** Whether a key, a participant or a delegate is good at t. Ends are derived by time here; nothing is stored then. */
import type { Bytes } from '../core/bytes.ts';
import type { StateReader } from './record.ts';
import { type Refusal, refuse } from './refusal.ts';
import { DELEGATION, type DelegateRole, KEY, type KeyRecord, type ParticipantRecord } from './state.ts';
import { stateAt } from './stop.ts';

/** Whether `seconds`, the point in time up to which something is good, is before `time` (Unix milliseconds). */
function ended(seconds: number | undefined, time: number): boolean {
  return seconds !== undefined && seconds * 1000 < time;
}

export function keyFault(
  read: StateReader,
  key: KeyRecord,
  time: number,
): Refusal<'KID_UNKNOWN' | 'KEY_REVOKED' | 'KEY_EXPIRED'> | undefined {
  if (key.notBefore !== undefined && time < key.notBefore) return refuse('KID_UNKNOWN', 'being recovered');
  if (key.revoked) return refuse('KEY_REVOKED', `by entry ${key.revoked.entry}`);
  if (recoveredInVain(read, key)) return refuse('KEY_REVOKED', 'recovered by a key that was compromised');
  return ended(key.notAfter, time) ? refuse('KEY_EXPIRED') : undefined;
}

/**
 * Whether what `kid` signed at `at` (Unix milliseconds) counts for nothing: the key was compromised by then, or never was
 * good. A rotation voids nothing.
 */
export function isVoid(read: StateReader, kid: Bytes, at: number): boolean {
  const key = KEY.read(read, kid);
  return key !== undefined && (compromised(key, at) || recoveredInVain(read, key));
}

function compromised({ revoked }: KeyRecord, at: number): boolean {
  return revoked?.reason === 'void' || (revoked?.since !== undefined && revoked.since * 1000 <= at);
}

/**
 * Whether the SRO's key that recovered this one had been compromised by then. Keys that a participant adds itself are
 * voided with the key that added them; a recovered key belongs to another participant, so who reads derives it.
 */
function recoveredInVain(read: StateReader, { notBefore, addedBy, addedAt }: KeyRecord): boolean {
  if (notBefore === undefined || addedBy === null) return false;
  const voucher = KEY.read(read, addedBy);
  return voucher === undefined || compromised(voucher, addedAt);
}

export function standingFault(
  participant: ParticipantRecord,
  needed: 'verified' | 'active',
  time: number,
): Refusal<'SIGNER_SUSPENDED' | 'SIGNER_NOT_ACTIVE'> | undefined {
  const { validUntil } = participant;
  const state = stateAt(participant, time);
  if (state === 'SUSPENDED') return refuse('SIGNER_SUSPENDED');
  if (state !== 'ACTIVE' && (needed === 'active' || state !== 'VERIFIED')) {
    return refuse('SIGNER_NOT_ACTIVE', state);
  }
  return ended(validUntil, time) ? refuse('SIGNER_NOT_ACTIVE', 'its validity has ended') : undefined;
}

/**
 * Whether `grantor` lets `delegate` do this at `time` (Unix milliseconds). A delegation that is limited to some objects
 * covers no other, and nothing when no `object` is named.
 */
export function delegationFault(
  read: StateReader,
  grantor: string,
  delegate: string,
  role: DelegateRole,
  time: number,
  object?: string,
): Refusal<'DELEGATION_MISSING' | 'DELEGATION_EXPIRED'> | undefined {
  const delegation = DELEGATION.read(read, grantor, delegate, role);
  if (!delegation || delegation.revoked || isVoid(read, delegation.kid, delegation.changedAt)) {
    return refuse('DELEGATION_MISSING', `${role} of ${grantor}`);
  }
  const { scope } = delegation;
  if (scope && (object === undefined || !scope.includes(object))) {
    return refuse('DELEGATION_MISSING', `${role} of ${grantor} for ${object ?? 'all'}`);
  }
  return ended(delegation.notAfter, time) ? refuse('DELEGATION_EXPIRED') : undefined;
}
