import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../../src/core/errors.ts';
import type { CosignedHead } from '../../src/log/cosigned-head.ts';
import { WitnessLink } from '../../src/log/witness-link.ts';
import { TestWitness } from './witnesses.ts';

test('a witness that says when to ask again is not asked before, within reason', async () => {
  const { name, key } = await TestWitness.make('busy');
  for (const [retryAfter, least, most] of [
    [undefined, 500, 1000],
    [0, 500, 1000],
    [30, 30_000, 30_000],
    [86_400, 300_000, 300_000],
  ] as const) {
    const busy = async () => {
      throw fail('UNAVAILABLE', 'too busy', retryAfter === undefined ? {} : { retryAfter });
    };
    const link = new WitnessLink({ name, key, url: undefined }, { addCheckpoint: busy });
    const before = performance.now();
    const { signal } = new AbortController();
    const head = { size: 2 } as CosignedHead;
    const failure = await link.ask(head, { prove: async () => [], now: Date.now, signal });
    assert.equal(failure?.code, 'UNAVAILABLE');
    assert.ok(link.retryAt >= before + least, `${retryAfter}`);
    assert.ok(link.retryAt <= performance.now() + most, `${retryAfter}`);
  }
});
