/** The Ed25519 keys of notes, ready to verify: making one takes as long as verifying with it, and a log has few. */
import { equal } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import type { VerifierKey } from './verifier-key.ts';

const ready = new WeakMap<Crypto, WeakMap<VerifierKey, PublicKey>>();

/** Remembered with `key`: it depends on nothing but its bytes. @throws KEY_MALFORMED, KEY_WEAK */
export function readyKey(crypto: Crypto, key: VerifierKey): PublicKey {
  let known = ready.get(crypto);
  if (!known) {
    known = new WeakMap();
    ready.set(crypto, known);
  }
  const found = known.get(key);
  // What was imported has a copy of the bytes: should they have changed since, it is another key.
  if (found && equal(found.bytes, key.key)) return found;
  const made = crypto.importPublicKey('Ed25519', key.key);
  known.set(key, made);
  return made;
}
