/**
 * Proof of possession: who lists a key that does not sign the statement shows that its owner agrees, by a
 * COSE_Sign1 of that key over `["aichain/pop/v1", log, owner, kid]` (FORMATS §1). Without it, one participant could
 * list another's key, and what that key signs would count as its own.
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
export interface Possession {
  readonly log: string;
  readonly owner: string;
  /** 32 bytes. */
  readonly kid: Bytes;
}

function claim({ log, owner, kid }: Possession): Bytes {
  return encode([LABEL, log, owner, kid]);
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
