import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { nextRoom } from '../../src/platform/heap-growth.ts';

const MB = 1 << 20;
const room = { least: 48 * MB, most: 128 * MB };

test('a heap that is filled fast gets more room, up to the most, and gives it back when it is not', () => {
  const rooms = [room.least];
  for (let i = 0; i < 10; i++) rooms.push(nextRoom(rooms.at(-1)!, 500, room));
  assert.ok(rooms.every((bytes, i) => i === 0 || bytes >= rooms[i - 1]!));
  assert.equal(rooms.at(-1), room.most);
  assert.equal(nextRoom(room.most, 2500, room), room.most);
  let bytes = room.most;
  for (let i = 0; i < 10; i++) bytes = nextRoom(bytes, 10_000, room);
  assert.equal(bytes, room.least);
});

/** Fills a heap with what outlives the young generation, and prints how many full collections there were, and the most that there was. */
const FILLING = `
  import { PerformanceObserver } from 'node:perf_hooks';
  import { growHeapBy } from '${new URL('../../src/platform/heap-growth.ts', import.meta.url).href}';
  growHeapBy(JSON.parse(process.argv[1]));
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

function fill(given: { least: number; most: number }): { full: number; most: number } {
  const args = ['--import', 'tsx', '--input-type=module', '-e', FILLING, JSON.stringify(given)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('of two heaps the one with more room is looked at less often, and holds more', () => {
  // What time makes of it is not asked here: neither may change.
  const [narrow, wide] = [16 * MB, 160 * MB].map((bytes) => fill({ least: bytes, most: bytes }));
  assert.ok(wide!.full < narrow!.full, `${wide!.full} collections, ${narrow!.full} in the narrow one`);
  assert.ok(wide!.most > narrow!.most, `${wide!.most} bytes, ${narrow!.most} in the narrow one`);
});
