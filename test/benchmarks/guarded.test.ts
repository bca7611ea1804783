import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ENDINGS = fileURLToPath(new URL('./endings.ts', import.meta.url));

/** What a process prints that does these works, line by line. */
function outcomes(...works: readonly string[]): string[] {
  const run = spawnSync(process.execPath, ['--import', 'tsx', ENDINGS, ...works], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trim().split('\n');
}

test('work that fails in whatever way is told, and the next is done all the same', () => {
  const told = outcomes('rejected', 'done', 'unheard', 'thrown', 'waiting', 'done');
  assert.deepEqual(told, [
    'by itself',
    'rejected: undefined',
    'done: done',
    'unheard',
    'unheard: undefined',
    'thrown',
    'thrown: undefined',
    'it waits for what will not come: nothing is under way',
    'waiting: undefined',
    'done: done',
  ]);
});

test('what failed work has left under way is not the next one’s failure', () => {
  assert.deepEqual(outcomes('late', 'done'), ['early', 'late: undefined', 'done: done']);
});
