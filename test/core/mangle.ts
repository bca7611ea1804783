/** Every small damage to a byte string: what a "mangle every byte" test feeds to a parser. */
import { type Bytes, concat } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';

/** Each byte changed (low bit, high bit, zero, 0xFF), removed, doubled, swapped; every prefix; bytes appended. */
export function* mangled(bytes: Bytes): Generator<Bytes> {
  for (let i = 0; i < bytes.length; i++) {
    const old = bytes[i]!;
    const before = bytes.subarray(0, i);
    for (const value of new Set([old ^ 1, old ^ 0x80, 0, 0xff])) {
      if (value !== old) yield Uint8Array.from(bytes).fill(value, i, i + 1);
    }
    yield concat(before, bytes.subarray(i + 1));
    yield concat(before, bytes.subarray(i, i + 1), bytes.subarray(i));
    yield before.slice();
    const next = bytes[i + 1];
    if (next !== undefined && next !== old) {
      yield concat(before, Uint8Array.of(next, old), bytes.subarray(i + 2));
    }
  }
  for (const extra of [0, 0x0a, 0x20, 0x41, 0xff]) yield concat(bytes, Uint8Array.of(extra));
}

/** Runs `parse`, and gives its value, or the code with which it refused. Any other error is a crash: rethrown. */
export function outcome<T>(parse: () => T): { value: T } | { code: string } {
  try {
    return { value: parse() };
  } catch (error) {
    if (isLedgerError(error)) return { code: error.code };
    throw error;
  }
}
