import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from '../../src/platform/metrics.ts';

describe('metrics', () => {
  it('counts, measures and writes the exposition format', async () => {
    const metrics = createMetrics();
    metrics.committed({ statements: 3, bytes: 900, milliseconds: 4, size: 12 });
    metrics.registered('SIGNATURE_INVALID');
    for (let n = 0; n < 2; n++) metrics.registered('EXISTED');
    metrics.verified(0.02);
    metrics.queueOf(() => ({ statements: 5, bytes: 2000 }));
    metrics.decided('key.release', 'allow', null);
    metrics.decided('key.release', 'deny', 'BUDGET_EXHAUSTED');
    metrics.witnessed({ name: 'w', healthy: true, size: 12, timestamp: 1_790_000_000 }, null);
    metrics.witnessed({ name: 'x', healthy: false, size: null, timestamp: null }, 'UNAVAILABLE');
    metrics.cosigned(12, 1_790_000_000);
    metrics.observe({ surface: 'http', operation: 'GET /checkpoint', status: 200, seconds: 0.001 });
    metrics.observe({ surface: 'grpc', operation: '/aichain.v1.LogService/Head', status: 0, seconds: 0.2 });
    const text = await metrics.text();
    for (const line of [
      'aichain_registrations_total{outcome="OK"} 3',
      'aichain_registrations_total{outcome="SIGNATURE_INVALID"} 1',
      'aichain_registrations_total{outcome="EXISTED"} 2',
      'aichain_statement_bytes_total 900',
      'aichain_batch_statements_bucket{le="4"} 1',
      'aichain_commit_seconds_sum 0.004',
      'aichain_verify_seconds_count 1',
      'aichain_queue_statements 5',
      'aichain_queue_bytes 2000',
      'aichain_tree_size 12',
      'aichain_gate_decisions_total{step="key.release",decision="allow",reason="OK"} 1',
      'aichain_gate_decisions_total{step="key.release",decision="deny",reason="BUDGET_EXHAUSTED"} 1',
      'aichain_witness_requests_total{witness="w",outcome="OK"} 1',
      'aichain_witness_requests_total{witness="x",outcome="UNAVAILABLE"} 1',
      'aichain_witness_up{witness="w"} 1',
      'aichain_witness_up{witness="x"} 0',
      'aichain_witness_tree_size{witness="w"} 12',
      'aichain_witness_timestamp_seconds{witness="w"} 1790000000',
      'aichain_cosigned_tree_size 12',
      'aichain_cosigned_freshness_seconds 1790000000',
      'aichain_http_request_seconds_count{operation="GET /checkpoint",status="200"} 1',
      'aichain_grpc_request_seconds_count{operation="/aichain.v1.LogService/Head",status="0"} 1',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\nnot in\n${text}`);
    }
    assert.match(metrics.contentType, /^text\/plain/);
    metrics.published(13);
    assert.match(await metrics.text(), /^aichain_tree_size 13$/m);
  });

  it('keeps two registries apart, and adds those of the process only when asked', async () => {
    const [one, two] = [createMetrics(), createMetrics({ process: true })];
    one.registered('RATE_LIMITED');
    assert.doesNotMatch(await two.text(), /RATE_LIMITED/);
    assert.doesNotMatch(await one.text(), /process_/);
    assert.match(await two.text(), /process_resident_memory_bytes/);
  });
});
