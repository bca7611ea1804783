/** Every small damage to a byte string: each byte changed three ways, removed, and doubled; cut short; and grown. */
import assert from 'node:assert/strict';
import { concat } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';

export function* mangled(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const copy = Uint8Array.from(bytes);
      copy[i]! ^= flip;
      yield copy;
    }
    yield concat(bytes.subarray(0, i), bytes.subarray(i + 1));
    yield concat(bytes.subarray(0, i + 1), bytes.subarray(i));
    yield bytes.slice(0, i);
  }
  yield concat(bytes, Uint8Array.of(0));
  yield concat(Uint8Array.of(0), bytes);
}

/** Damaged bytes are refused with one of `codes`, or mean exactly what the whole bytes mean. */
export function assertMangleProof(
  bytes: Uint8Array,
  verdict: (bytes: Uint8Array) => unknown,
  codes: readonly string[],
): void {
  const good = verdict(bytes);
  for (const bad of mangled(bytes)) {
    let result: unknown;
    try {
      result = verdict(bad);
    } catch (error) {
      assert(isLedgerError(error), `${error}`);
      assert(codes.includes(error.code), `${error.code}: ${error.message}`);
      continue;
    }
    assert.deepEqual(result, good);
  }
}

/** The code that `act` is refused with. */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert(isLedgerError(error), `${error}`);
    return error.code;
  }
  return 'accepted';
}
