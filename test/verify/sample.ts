/** Damage to evidence, a part of it: to verify takes curve arithmetic, so not every mangling can be tried each time. */
import assert from 'node:assert/strict';
import type { Bytes } from '../../src/core/bytes.ts';
import type { Verification } from '../../src/verify/index.ts';
import { mangled } from '../core/mangle.ts';

/** Every `step`-th mangling; with a step prime to the kinds of damage, all kinds and all places are met. */
export function* sampled(bytes: Bytes, step: number): Generator<Bytes> {
  let index = 0;
  for (const bad of mangled(bytes)) if (index++ % step === 0) yield bad;
}

/**
 * Damaged evidence does not verify, or says exactly what the whole one says (damage to what is nobody's word, such
 * as an unprotected header). A defect would be thrown.
 */
export function assertNeverProves<T>(
  bytes: Bytes,
  step: number,
  verify: (bytes: Bytes) => Verification<T>,
  meaning: (value: T) => unknown,
): void {
  const whole = verify(bytes);
  assert.ok(whole.verified, 'the whole evidence verifies');
  let refused = 0;
  for (const bad of sampled(bytes, step)) {
    const result = verify(bad);
    if (result.verified) assert.deepEqual(meaning(result.value), meaning(whole.value));
    else {
      refused++;
      assert.equal(result.steps.at(-1)?.outcome, 'failed');
      assert.equal(result.steps.at(-1)?.code, result.error.code);
    }
  }
  assert.ok(refused > 0);
}

/** The steps as `name: outcome`, and the code of the one that failed. */
export function ladderOf({ steps }: Verification<unknown>): string[] {
  return steps.map(({ step, outcome, code }) => [`${step}: ${outcome}`, code].filter(Boolean).join(' '));
}

export function codeOf(result: Verification<unknown>): string {
  return result.verified ? 'verified' : result.error.code;
}
