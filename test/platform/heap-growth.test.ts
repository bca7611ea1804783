import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const MB = 1 << 20;

/** Fills a heap with what outlives the young generation, and prints how many full collections there were, and the most that there was. */
const FILLING = `
  import { PerformanceObserver } from 'node:perf_hooks';
  import { growHeapBy } from '${new URL('../../src/platform/heap-growth.ts', import.meta.url).href}';
  growHeapBy(Number(process.argv[1]));
  let full = 0;
  let most = 0;
  new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries()) if (detail.kind === 4) full += 1;
  }).observe({ entryTypes: ['gc'] });
  const alive = Array.from({ length: 40 }, () => Array.from({ length: 16_384 }, (_, i) => [i, i]));
  const kept = [];
  for (let turn = 0; turn < 400; turn++) {
    kept.push(Array.from({ length: 8_192 }, (_, i) => [turn, i]));
    if (kept.length > 40) kept.splice(0, 20);
    most = Math.max(most, process.memoryUsage().heapUsed);
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.stdout.write(JSON.stringify({ full, most, alive: alive.length }));
`;

function fill(bytes: number): { full: number; most: number } {
  const args = ['--import', 'tsx', '--input-type=module', '-e', FILLING, String(bytes)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('of two heaps the one with more room is looked at less often, and holds more', () => {
  const [narrow, wide] = [16 * MB, 160 * MB].map((bytes) => fill(bytes));
  assert.ok(wide!.full < narrow!.full, `${wide!.full} collections, ${narrow!.full} in the narrow one`);
  assert.ok(wide!.most > narrow!.most, `${wide!.most} bytes, ${narrow!.most} in the narrow one`);
});
