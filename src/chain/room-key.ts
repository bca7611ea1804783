/** The two keys of a clean room, as its deployer lists them with evidence: usable, free, and proven to be the room's. */
import { type Bytes, equal } from '../core/bytes.ts';
import { isEncryptionKey } from '../cose/key.ts';
import type { Context } from './kind.ts';
import { reservedKids } from './listed-key.ts';
import { possessionProven } from './possession.ts';
import { kidOf, readKey, signatureKey } from './public-key.ts';
import type { CleanroomRecord } from './records/cleanroom.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { KEY } from './state.ts';

interface Listing {
  /** URN of the room. */
  readonly id: string;
  readonly room: CleanroomRecord;
  /** SHA-256. */
  readonly evidence: Bytes;
  readonly signKey: Bytes;
  readonly wrapKey: Bytes;
  readonly pop: Bytes | undefined;
}

type Reason = 'KEY_MALFORMED' | 'KEY_WEAK' | 'ALG_NOT_ALLOWED' | 'KID_TAKEN' | 'STATE_WRONG' | 'POP_MISSING';

/** Thumbprints of the keys. */
export interface RoomKids {
  readonly signKid: Bytes;
  readonly wrapKid: Bytes;
}

export function roomKeys(ctx: Context, listing: Listing): RoomKids | Refusal<Reason> {
  const { id, room, evidence, signKey, wrapKey, pop } = listing;
  const kids = { signKid: kidOf(ctx.crypto, signKey), wrapKid: kidOf(ctx.crypto, wrapKey) };
  const fault = formFault(ctx, listing) ?? takenFault(ctx, id, room, kids);
  if (fault) return fault;
  // A second machine with the keys to the same data would be a second run on one reserve.
  if (room.granted && !areKeysOf(room, kids)) return refuse('STATE_WRONG', 'other keys, after a first GRANT');
  const verifier = signatureKey(ctx.crypto, kids.signKid, signKey);
  if (isRefusal(verifier)) return verifier;
  const claim = { log: ctx.origin, cleanroom: id, deploy: room.entryId, evidence, wrapKid: kids.wrapKid };
  return pop && possessionProven(verifier, pop, claim) ? kids : refuse('POP_MISSING');
}

export function areKeysOf({ signKid, wrapKid }: Partial<RoomKids>, kids: RoomKids): boolean {
  return (
    signKid !== undefined &&
    wrapKid !== undefined &&
    equal(signKid, kids.signKid) &&
    equal(wrapKid, kids.wrapKid)
  );
}

function formFault({ policy }: Context, { signKey, wrapKey }: Listing) {
  const signs = readKey(signKey);
  if (isRefusal(signs)) return signs;
  if (isEncryptionKey(signs)) return refuse('KEY_MALFORMED', 'an encryption key cannot sign');
  if (!policy.algorithms.includes(signs.algorithm)) return refuse('ALG_NOT_ALLOWED', signs.algorithm);
  const wraps = readKey(wrapKey);
  if (isRefusal(wraps)) return wraps;
  return equal(signKey, wrapKey) ? refuse('KEY_MALFORMED', 'one key for two purposes') : undefined;
}

/**
 * The signing key may be this room's already, by earlier evidence. The wrapping key never gets a record: it proves nothing
 * by a signature, so anybody who sees it could list it first, and keep the room from being attested.
 */
function takenFault(ctx: Context, id: string, room: CleanroomRecord, { signKid, wrapKid }: RoomKids) {
  const signs = KEY.read(ctx.read, signKid);
  if (signs && (signs.owner !== id || signs.revoked)) return refuse('KID_TAKEN', 'the signing key');
  const known = room.wrapKid && equal(room.wrapKid, wrapKid);
  if (!known && KEY.read(ctx.read, wrapKid)) return refuse('KID_TAKEN', 'the wrapping key');
  const reserved = reservedKids(ctx).some((kid) => equal(kid, signKid) || equal(kid, wrapKid));
  return reserved ? refuse('KID_TAKEN', 'a key of the log') : undefined;
}
