/**
 * Nonces for key release (FORMATS §6): at least 16 random bytes, drawn here, good for a short time, and for one release.
 * A grant that carries one was decided after it was drawn, so no older grant can stand in for it.
 *
 * They are kept in memory only. After a restart none is known any more: what was asked for before has to be cancelled and
 * asked for again, which is what a process that does not know what it has handed over should do.
 */
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';

const LENGTH = 32;

export class Nonces {
  readonly #crypto: Crypto;
  readonly #now: () => number;
  /** Milliseconds. */
  readonly #limit: number;
  /** When each was drawn, the oldest first. */
  readonly #drawn = new Map<string, number>();

  /** @param limit seconds that a nonce is good for */
  constructor(crypto: Crypto, now: () => number, limit: number) {
    this.#crypto = crypto;
    this.#now = now;
    this.#limit = limit * 1000;
  }

  draw(): Bytes {
    const now = this.#now();
    for (const [name, at] of this.#drawn) {
      // A clock that was set back must not make an old one young.
      if (at <= now && now - at <= this.#limit) break;
      this.#drawn.delete(name);
    }
    const nonce = this.#crypto.randomBytes(LENGTH);
    this.#drawn.set(toHex(nonce), now);
    return nonce;
  }

  /** @throws NONCE_INVALID not drawn here, too long ago, or used */
  check(nonce: Bytes): void {
    const at = this.#drawn.get(toHex(nonce));
    if (at === undefined) throw fail('NONCE_INVALID', 'the nonce was not drawn here, or has been used');
    const age = this.#now() - at;
    if (age < 0 || age > this.#limit) throw fail('NONCE_INVALID', `the nonce was drawn ${age} ms ago`);
  }

  /** The one use of it. Of two that come at once, one gets it. @throws as {@link check} */
  consume(nonce: Bytes): void {
    this.check(nonce);
    this.#drawn.delete(toHex(nonce));
  }
}
