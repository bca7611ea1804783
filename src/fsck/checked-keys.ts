/**
 * Keys to verify with that stored rows name, before anybody has replayed what put them there. A kid is the thumbprint of its
 * key, so it does not matter who names it.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { decodeCoseKey, isEncryptionKey, thumbprint } from '../cose/index.ts';
import type { SigningKey } from '../log/signing-keys.ts';
import { KeyDirectory } from '../log/verify-batch.ts';

export class CheckedKeys {
  readonly #crypto: Crypto;
  readonly #directory: KeyDirectory;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
    this.#directory = new KeyDirectory(crypto);
  }

  /** Takes those that are what they are called; others are left to whoever asks for them, and finds none. */
  add(keys: readonly SigningKey[]): void {
    for (const [kid, coseKey] of keys) {
      // What is there has been checked: it is the key of this name.
      if (!this.#directory.has(kid) && this.#fits(kid, coseKey)) this.#directory.add(kid, coseKey);
    }
  }

  get(kid: Bytes) {
    return this.#directory.get(kid);
  }

  #fits(kid: Bytes, coseKey: Bytes): boolean {
    try {
      const key = decodeCoseKey(coseKey);
      return !isEncryptionKey(key) && equal(thumbprint(this.#crypto, key), kid);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return false;
    }
  }
}
