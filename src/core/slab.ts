/**
 * Memory for many short byte strings. Each `Uint8Array` of more than 64 bytes has memory of its own outside the engine's
 * heap, and to allocate, count and free that costs more than to fill it; a view of memory that is there does not. What was
 * taken from one slab is freed together: it is for what is gone soon, never for what somebody keeps.
 */
import type { Bytes } from './bytes.ts';

const SLAB_BYTES = 64 * 1024;

export class Slab {
  #slab = new ArrayBuffer(0);
  #at = 0;

  /** `length` bytes, all zero, that nobody else has. */
  take(length: number): Bytes {
    if (length > SLAB_BYTES / 4) return new Uint8Array(length);
    if (this.#at + length > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(SLAB_BYTES);
      this.#at = 0;
    }
    const taken = new Uint8Array(this.#slab, this.#at, length);
    this.#at += length;
    return taken;
  }

  copy(bytes: Bytes): Bytes {
    const copy = this.take(bytes.length);
    copy.set(bytes);
    return copy;
  }

  /** One behind the other. */
  join(first: Bytes, second: Bytes): Bytes {
    const joined = this.take(first.length + second.length);
    joined.set(first);
    joined.set(second, first.length);
    return joined;
  }
}

/** Copies of `parts`, in one memory. */
export function copiedTogether(parts: readonly Bytes[]): Bytes[] {
  const memory = new ArrayBuffer(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return parts.map((part) => {
    const copy = new Uint8Array(memory, at, part.length);
    copy.set(part);
    at += part.length;
    return copy;
  });
}
