/** COSE_KeySet, RFC 9052 §7: how a service publishes its keys (SCRAPI /.well-known/scitt-keys). */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { ALGORITHM_ID } from './algorithm.ts';
import { isMap } from './header.ts';
import { type CoseKey, type CosePublicKey, coseKeyMap, decodeCoseKey, thumbprint } from './key.ts';

// RFC 9052 §7.1.
const KEY_KID = 2;
const KEY_ALG = 3;
/** Keys of one set: each costs a check of its point. */
const MAX_KEYS = 32;

/** A published key: the required members with kid (its thumbprint) and alg, so that it can be looked up. */
export function encodeListedKey(hasher: Hasher, key: CosePublicKey): Bytes {
  return encode(listed(hasher, key));
}

/** The set of such keys, in the order given. */
export function encodeKeySet(hasher: Hasher, keys: readonly CosePublicKey[]): Bytes {
  return encode(keys.map((key) => listed(hasher, key)));
}

function listed(hasher: Hasher, key: CosePublicKey): CborMap {
  return new Map([
    ...coseKeyMap(key),
    [KEY_KID, thumbprint(hasher, key)],
    [KEY_ALG, ALGORITHM_ID[key.algorithm]],
  ]);
}

/**
 * The keys of a set that are known and usable here. Others are passed over, RFC 9052 §7: a service may publish
 * keys of types that came later. A listed kid is not believed; compute the thumbprint.
 * @throws KEY_MALFORMED not an array, or more than 32 keys; CBOR_MALFORMED
 */
export function decodeKeySet(bytes: Bytes): CoseKey[] {
  const items = decode(bytes, { profile: 'definite' });
  if (!Array.isArray(items)) throw fail('KEY_MALFORMED', 'a COSE key set is an array');
  if (items.length > MAX_KEYS) throw fail('KEY_MALFORMED', `more than ${MAX_KEYS} keys`);
  return (items as readonly Cbor[]).filter(isMap).flatMap((item) => {
    try {
      return [decodeCoseKey(item)];
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      return [];
    }
  });
}
