/**
 * Randomness for training, drawn from a generator of random bytes: the operating system's in a clean room, a seeded one in a
 * test. Nothing else in training draws any.
 */
import { type Bytes, concat, u64be, utf8 } from '../../core/bytes.ts';
import type { Crypto, Hasher } from '../../core/crypto.ts';

/** Bytes are asked for in blocks: one call for each number would cost more than the training. */
const BLOCK = 16_384;

export class RandomSource {
  readonly #generate: (size: number) => Bytes;
  #block: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;

  constructor(generate: (size: number) => Bytes) {
    this.#generate = generate;
  }

  /** Uniform on the whole numbers below 2³². */
  uint32(): number {
    if (this.#at + 4 > this.#block.byteLength) {
      const block = this.#generate(BLOCK);
      this.#block = new DataView(block.buffer, block.byteOffset, block.byteLength);
      this.#at = 0;
    }
    const value = this.#block.getUint32(this.#at);
    // Used once: what was drawn cannot be read from memory later.
    this.#block.setUint32(this.#at, 0);
    this.#at += 4;
    return value;
  }

  /** Uniform on the multiples of 2^-53 in [0, 1). */
  unit(): number {
    return ((this.uint32() >>> 5) * 0x4000000 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /**
   * Uniform on (0, 1] with all the bits that a double has, however near to 0, so that a logarithm of it reaches as far as the
   * true one's. The binary exponent is drawn coin by coin, then the digits.
   */
  positive(): number {
    let scale = 1;
    let word = this.uint32();
    while (word === 0 && scale > 2 ** -960) {
      scale /= 2 ** 32;
      word = this.uint32();
    }
    return (0.5 + this.unit() / 2) * 2 ** -Math.clz32(word) * scale;
  }

  /** A whole number below `limit`, each as likely. `limit` is at most 2³². */
  below(limit: number): number {
    const fair = 2 ** 32 - (2 ** 32 % limit);
    for (;;) {
      const value = this.uint32();
      if (value < fair) return value % limit;
    }
  }

  bytes(size: number): Bytes {
    const words = Array.from({ length: Math.ceil(size / 4) }, () => {
      const word = new Uint8Array(4);
      new DataView(word.buffer).setUint32(0, this.uint32());
      return word;
    });
    return concat(...words).slice(0, size);
  }
}

/** What a clean room trains with. */
export function cryptoRandom(crypto: Pick<Crypto, 'randomBytes'>): RandomSource {
  return new RandomSource((size) => Uint8Array.from(crypto.randomBytes(size)));
}

/** The same numbers for the same seed: for sample data, and for tests. Whoever knows the seed can take all noise away. */
export function seededRandom(hasher: Hasher, seed: string): RandomSource {
  let counter = 0;
  return new RandomSource((size) => {
    const blocks = Array.from({ length: Math.ceil(size / 32) }, () =>
      hasher.sha256(concat(u64be(counter++), utf8(seed))),
    );
    return concat(...blocks).slice(0, size);
  });
}
