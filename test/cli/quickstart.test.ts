import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { realData } from '../vectors.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();

/** Every contract file that DEPA's scenarios and its contract ledger ship. */
function contracts(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /contract[^/]*\.json$/.test(name) && !name.endsWith('MANIFEST.json'))
    .sort()
    .map((name) => join(folder, name));
}

test('quickstart tells its story and ends with verified receipts', async () => {
  const { code, stdout, stderr } = await aichain(['quickstart']);
  assert.equal(code, 0, stderr);
  for (const part of [
    /1\. A log is running/,
    /2\. A participant/,
    /3\. It signs/,
    /✓ inclusion/,
    /✓ effect/,
    /✓ payload/,
  ]) {
    assert.match(stdout, part);
  }
  assert.match(stdout, /\n {2}VERIFIED: entry \d+ of /);
  assert.match(stdout, /aichain quickstart --keep/);
});

test('quickstart --keep: the files are there, and only in a new folder', async () => {
  const folder = path('kept');
  const { stdout } = await aichain(['quickstart', '--keep', folder]);
  assert(existsSync(join(folder, 'ledger-data')));
  const command = /^ {2}aichain (verify .*)$/m.exec(stdout)![1]!;
  assert.equal((await aichain(command.split(' '))).code, 0);
  const again = await aichain(['quickstart', '--keep', folder]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is not empty/);
});

test('quickstart refuses what is no contract file', async () => {
  mkdirSync(path('input'));
  const file = path('input/contract.json');
  writeFileSync(file, 'not JSON');
  assert.equal((await aichain(['quickstart', file])).code, 2);
  assert.equal((await aichain(['quickstart', path('missing.json')])).code, 2);
});

const depa = realData('depa');
test('quickstart: every contract of DEPA’s', {
  skip: depa === undefined && 'no ../shared/data',
}, async () => {
  const files = contracts(depa!);
  assert(files.length >= 10);
  const { contracts: results } = await aichainJson(['quickstart', ...files]);
  assert.deepEqual(
    results.map(({ source }: { source: string }) => source),
    files,
  );
  for (const { source, verified, subject, steps } of results) {
    assert.equal(verified, true, source);
    assert.match(subject, /^urn:depa:contract:aichain\.localhost\/[0-9a-f]{16}:(?:[0-9a-f]{8}-|sha256-)/);
    const open = steps.filter(({ outcome }: { outcome: string }) => outcome !== 'ok');
    assert.deepEqual(
      open.map(({ step }: { step: string }) => step),
      ['quorum'],
    );
  }
});
