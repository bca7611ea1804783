/**
 * Proof of possession: who lists a key that does not sign the statement shows that its owner agrees, by a
 * COSE_Sign1 of that key over `["aichain/pop/v1", log, owner, kid]` (FORMATS §1). Without it, one participant could
 * list another's key, and what that key signs would count as its own. A clean room's keys are proven the same way, over
 * `["aichain/pop/v1", log, cleanroom, deploy entry id, evidence digest, wrapping-key thumbprint]` (LIFECYCLE).
 */

import type { Bytes } from '../core/bytes.ts';
import { encode } from '../core/cbor.ts';
import type { PrivateKey, PublicKey } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { TYP } from '../cose/header.ts';
import { decodeSign1, signSign1, verifySign1 } from '../cose/sign1.ts';

/** `typ` of a proof: its signature can be taken for no statement and no receipt. */
export const POSSESSION_TYPE = 'application/vnd.depa.aichain.pop+cose';
const LABEL = 'aichain/pop/v1';

/** What a proof is about: the key with this kid, as a key of `owner` in the log `log`. */
interface OwnerPossession {
  readonly log: string;
  readonly owner: string;
  /** 32 bytes. */
  readonly kid: Bytes;
}

/**
 * What a clean room proves: the key that made the proof signs for this room, as it was deployed; this is its evidence,
 * and data keys are to be wrapped to its other key. A proof is good for no second room, evidence or wrapping key.
 */
interface RoomPossession {
  readonly log: string;
  /** URN. */
  readonly cleanroom: string;
  /** Entry id of its deployment, 32 bytes. */
  readonly deploy: Bytes;
  /** SHA-256 of the evidence. */
  readonly evidence: Bytes;
  /** Thumbprint of its wrapping key, 32 bytes. */
  readonly wrapKid: Bytes;
}

export type Possession = OwnerPossession | RoomPossession;

function claim(of: Possession): Bytes {
  if ('owner' in of) return encode([LABEL, of.log, of.owner, of.kid]);
  return encode([LABEL, of.log, of.cleanroom, of.deploy, of.evidence, of.wrapKid]);
}

/** A tagged COSE_Sign1 with detached payload. */
export function provePossession(key: PrivateKey, possession: Possession): Bytes {
  return signSign1(key, {
    protected: new Map([[TYP, POSSESSION_TYPE]]),
    payload: claim(possession),
    detached: true,
  });
}

/** Whether `proof` is one. Its payload is detached, or exactly the claim. */
export function possessionProven(key: PublicKey, proof: Bytes, possession: Possession): boolean {
  try {
    const sign1 = decodeSign1(proof);
    if (sign1.protected.get(TYP) !== POSSESSION_TYPE) return false;
    verifySign1(key, sign1, { payload: claim(possession) });
    return true;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return false;
  }
}
