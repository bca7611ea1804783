/**
 * COSE_Keys as statements list them: exactly the deterministic form with the required members, so that a key has
 * one spelling and its thumbprint (RFC 9679) is the plain hash of it.
 */

import { type Bytes, equal, toCharacters } from '../core/bytes.ts';
import type { Crypto, Hasher, PublicKey, SignatureAlgorithm } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { type CoseKey, decodeCoseKey, encodeCoseKey, isEncryptionKey } from '../cose/key.ts';
import { type Refusal, refuse } from './refusal.ts';

/** Thumbprint of a key in listed form, without decoding it: 32 bytes. */
export function kidOf(hasher: Hasher, listed: Bytes): Bytes {
  return hasher.sha256(listed);
}

/** A usable key in listed form. */
export function readKey(listed: Bytes): CoseKey | Refusal<'KEY_MALFORMED' | 'KEY_WEAK'> {
  try {
    const key = decodeCoseKey(listed);
    return equal(encodeCoseKey(key), listed) ? key : refuse('KEY_MALFORMED', 'not the deterministic form');
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return refuse(error.code === 'KEY_WEAK' ? 'KEY_WEAK' : 'KEY_MALFORMED', error.message);
  }
}

/** Keys that are kept ready. Making one costs more than a signature check. */
const READY = 4096;
interface ReadyKey {
  /** A copy. */
  readonly listed: Bytes;
  readonly key: PublicKey;
}
interface Ready {
  readonly byKid: Map<string, ReadyKey>;
  /** By the very array: a record of the state that is read once, and asked for with every statement. */
  readonly byListed: WeakMap<Bytes, ReadyKey>;
}
const ready = new WeakMap<Crypto, Ready>();

/** The signature key of this listed form, ready to verify. Remembered: it depends on nothing but its arguments. */
export function signatureKey(
  crypto: Crypto,
  kid: Bytes,
  listed: Bytes,
): PublicKey | Refusal<'KEY_MALFORMED' | 'KEY_WEAK'> {
  let known = ready.get(crypto);
  if (!known) {
    known = { byKid: new Map(), byListed: new WeakMap() };
    ready.set(crypto, known);
  }
  const { byKid, byListed } = known;
  const same = byListed.get(listed);
  if (same && equal(same.listed, listed)) return same.key;
  const name = toCharacters(kid);
  const found = byKid.get(name);
  if (found && equal(found.listed, listed)) {
    byListed.set(listed, found);
    return found.key;
  }
  const read = readKey(listed);
  if ('refused' in read) return read;
  if (isEncryptionKey(read)) return refuse('KEY_MALFORMED', 'an encryption key cannot sign');
  const key = imported(crypto, read.algorithm, read.bytes);
  const made = { listed: Uint8Array.from(listed), key };
  if (byKid.size >= READY) byKid.clear();
  byKid.set(name, made);
  byListed.set(listed, made);
  return key;
}

/** Of most signatures it is known that they verify: then the key that they verify under need not be made ready here. */
function imported(crypto: Crypto, algorithm: SignatureAlgorithm, bytes: Bytes): PublicKey {
  let key: PublicKey | undefined;
  return {
    algorithm,
    bytes,
    verify(message, signature, options) {
      key ??= crypto.importPublicKey(algorithm, bytes);
      return key.verify(message, signature, options);
    },
  };
}
