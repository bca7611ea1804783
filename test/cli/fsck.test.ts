/** The audit as a command: a log that `aichain serve` made, over HTTP while it runs, and in its folder afterwards. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { leavesKey } from '../../src/log/layout.ts';
import { openLevelStorage, WriteBatch } from '../../src/storage/index.ts';
import { flipped } from '../log/damaged-rows.ts';
import { aichain, aichainJson, type RunResult } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const stop = new AbortController();
let served: Promise<RunResult>;
let log: { origin: string; http: string; trust: string };

before(async () => {
  const flags = ['--data-dir', path('data'), '--http-port', '0', '--grpc-port', '0', '--workers', '1'];
  log = await new Promise((resolve, reject) => {
    served = aichain(['serve', ...flags, '--disk-floor-bytes', '0', '--log-level', 'silent', '-o', 'json'], {
      signal: stop.signal,
      onStdout: (text) => resolve(JSON.parse(text)),
    });
    served.then(({ stderr }) => reject(new Error(`serve ended: ${stderr}`)));
  });
});
after(() => stop.abort());

test('a log that runs is audited over HTTP, and its folder is in use', async () => {
  const report = await aichainJson(['fsck', '--url', log.http, '--trust', log.trust, '--threads', '1']);
  assert.deepEqual([report.origin, report.size, report.intact, report.code], [log.origin, 4, true, null]);
  const { code, stderr } = await aichain(['fsck', '--data-dir', path('data')]);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /LOG_LOCKED/);
  const answer = await fetch(`${log.http}/checkpoint`);
  writeFileSync(path('seen.checkpoint'), await answer.text());
});

test('a log that has stopped is audited in its folder, also against a checkpoint that was seen', async () => {
  stop.abort();
  assert.equal((await served).code, 0);
  const stored = ['fsck', '--data-dir', path('data'), '--threads', '1'];
  const whole = await aichain([...stored, '--checkpoint', path('seen.checkpoint')]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /✓ nothing is wrong/);
  writeFileSync(path('other.checkpoint'), 'no note');
  assert.equal((await aichain([...stored, '--checkpoint', path('other.checkpoint')])).code, 10);
  assert.equal((await aichain(['fsck', '--data-dir', path('nowhere')])).code, 2);
  assert.equal((await aichain([...stored, '--threads', '0'])).code, 2);
});

test('damage is named, and the exit code says what kind it is', async () => {
  const storage = await openLevelStorage(path('data/db'));
  const row = await storage.get(leavesKey(0));
  await storage.write(new WriteBatch().put(leavesKey(0), flipped(row!, row!.length - 1)));
  await storage.close();
  const args = ['fsck', '--data-dir', path('data'), '--threads', '1', '-o', 'json'];
  const { code, stdout, stderr } = await aichain(args);
  assert.equal(code, 11, stderr);
  const { intact, list, counts } = JSON.parse(stdout);
  assert.equal(intact, false);
  assert.deepEqual(counts, { tree: 1, state: 1 });
  assert(
    list.some(({ at }: { at: string }) => at === 'root of 4'),
    stdout,
  );
});
