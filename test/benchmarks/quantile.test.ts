import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quantile } from '../../benchmarks/quantile.ts';

describe('quantile', () => {
  it('is one of the values, whatever their order', () => {
    const values = [5, 1, 10, 2];
    assert.deepEqual(
      [0, 0.25, 0.5, 0.99, 1].map((share) => quantile(values, share)),
      [1, 2, 5, 10, 10],
    );
  });

  it('throws where nothing was measured', () => {
    assert.throws(() => quantile([], 0.5), /nothing was measured/);
  });
});
