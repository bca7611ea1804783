/** Our histogram of requests writes what prom-client's writes, whatever is observed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { RequestSeconds } from '../../src/platform/request-seconds.ts';

const BUCKETS = [0.0005, 0.25, 1, 30];
const NAME = 'aichain_http_request_seconds';

test('the same text as a histogram of prom-client', async () => {
  const value = fc.oneof(fc.constantFrom(0, ...BUCKETS), fc.double({ min: 0, max: 100, noNaN: true }));
  const request = fc.tuple(
    fc.constantFrom('GET /a', 'POST /b', 'GET "\\\n'),
    fc.constantFrom(200, 404, 0),
    value,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(request), async (requests) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const seconds = new RequestSeconds(NAME, 'requests', BUCKETS, ours);
      const histogram = new Histogram({
        ...{ name: NAME, help: 'requests', buckets: BUCKETS },
        ...{ labelNames: ['operation', 'status'], registers: [theirs] },
      });
      for (const [operation, status, took] of requests) {
        seconds.observe(operation, status, took);
        histogram.observe({ operation, status }, took);
      }
      const lines = async (registry: Registry) => (await registry.metrics()).split('\n').sort();
      assert.deepEqual(await lines(ours), await lines(theirs));
      assert.deepEqual((await ours.getMetricsAsJSON()).length, 1);
    }),
  );
});
