/** Text as CBOR has it, for whoever reads it. */
import type { Bytes } from './bytes.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longer than the names of objects in this log: for them a loop takes less than the platform's decoder. */
const SHORT_TEXT = 192;
/** A list for each length of short text, used again and again: views of the input cost more than the text. */
const UNITS = Array.from({ length: SHORT_TEXT + 1 }, (_, length) => new Array<number>(length).fill(0));

/** The `length` bytes from `at` on, all of them within `bytes`. @throws TypeError not well-formed UTF-8 */
export function textAt(bytes: Bytes, at: number, length: number): string {
  if (length <= SHORT_TEXT) {
    const units = UNITS[length]!;
    let i = 0;
    for (; i < length; i++) {
      const unit = bytes[at + i]!;
      if (unit >= 0x80) break;
      units[i] = unit;
    }
    if (i === length) return String.fromCharCode.apply(null, units);
  }
  return decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset + at, length));
}
