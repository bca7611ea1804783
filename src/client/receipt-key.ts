/**
 * A receipt key that remembers what it has verified. All receipts of one head share one signature (FORMATS §4), so
 * of a batch of a thousand only one needs the curve.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { PublicKey } from '../core/crypto.ts';

/** Signatures; a batch comes back under one head or a few. */
const REMEMBERED = 16;

/** The same key: whatever was not verified under exactly these bytes before is verified now. */
export function rememberingKey(key: PublicKey): PublicKey {
  const verified: { message: Bytes; signature: Bytes; lowS: boolean }[] = [];
  return {
    algorithm: key.algorithm,
    bytes: key.bytes,
    verify(message, signature, options = {}) {
      const lowS = options.lowS ?? true;
      const before = verified.some(
        (one) => one.lowS === lowS && equal(one.signature, signature) && equal(one.message, message),
      );
      if (before) return true;
      if (!key.verify(message, signature, options)) return false;
      verified.unshift({ message: message.slice(), signature: signature.slice(), lowS });
      verified.length = Math.min(verified.length, REMEMBERED);
      return true;
    },
  };
}
