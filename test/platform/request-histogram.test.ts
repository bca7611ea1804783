/** Beside prom-client's own histogram: what a scrape reads is the same text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { RequestHistogram } from '../../src/platform/request-histogram.ts';

const OPTIONS = { name: 'seconds', help: 'What \\ takes\nhow long', buckets: [0.001, 0.5, 10] };
const request = fc.record({
  operation: fc.constantFrom('GET /a', 'GET "b"', '/x.Y/Z\\\n', ''),
  status: fc.constantFrom(0, 200, 404),
  seconds: fc.oneof(
    fc.constantFrom(0, 0.001, 0.0010001, 0.5, 10, 11),
    fc.double({ min: 0, max: 20, noNaN: true }),
  ),
});

test('it is exposed as prom-client does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 40 }), async (requests) => {
      const [theirs, ours] = [new Registry(), new Registry()];
      const labelNames = ['operation', 'status'] as const;
      const histogram = new Histogram({ ...OPTIONS, labelNames, registers: [theirs] });
      const own = new RequestHistogram(OPTIONS);
      own.register(ours);
      for (const { operation, status, seconds } of requests) {
        histogram.observe({ operation, status: String(status) }, seconds);
        own.observe(operation, status, seconds);
      }
      // Theirs come in the order of their first use; ours with those of one operation together.
      const sorted = async (registry: Registry) => (await registry.metrics()).split('\n').sort();
      assert.deepEqual(await sorted(ours), await sorted(theirs));
      assert.deepEqual(
        (await ours.getMetricsAsJSON()).map(({ name, type }) => [name, type]),
        (await theirs.getMetricsAsJSON()).map(({ name, type }) => [name, type]),
      );
    }),
    { numRuns: 200 },
  );
});

test('each row of buckets is whole, and in order', async () => {
  const registry = new Registry();
  const histogram = new RequestHistogram(OPTIONS);
  histogram.register(registry);
  for (const seconds of [0.4, 0.0001, 99]) histogram.observe('GET /a', 200, seconds);
  const lines = (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));
  assert.deepEqual(lines.filter(Boolean), [
    'seconds_bucket{le="0.001",operation="GET /a",status="200"} 1',
    'seconds_bucket{le="0.5",operation="GET /a",status="200"} 2',
    'seconds_bucket{le="10",operation="GET /a",status="200"} 2',
    'seconds_bucket{le="+Inf",operation="GET /a",status="200"} 3',
    'seconds_sum{operation="GET /a",status="200"} 99.4001',
    'seconds_count{operation="GET /a",status="200"} 3',
  ]);
});
