/** What a KMS remembers of releases, when it is told twice, ends in between, or finds its disk damaged. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockFolder } from '../../../src/participants/kms/folder-lock.ts';
import { type JournalEntry, ReleaseJournal } from '../../../src/participants/kms/release-journal.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../../core/mangle.ts';

const folder = mkdtempSync(join(tmpdir(), 'aichain-journal-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const release = 'urn:depa:release:log.example:1';
const asked: JournalEntry = { release, owner: 'did:web:icmr.example', state: 'asked' };
const refusal = { code: 'PAYMENT_NOT_HELD', detail: 'row 0' };

test('a release is what was written last, for the next process too', () => {
  const path = join(folder, 'releases');
  const journal = new ReleaseJournal(crypto, path);
  const next = () => new ReleaseJournal(crypto, path);
  assert.equal(journal.find(release), undefined);
  const wrapped = Uint8Array.of(1, 2, 3);
  for (const entry of [
    asked,
    { ...asked, refusal },
    { ...asked, state: 'refused', refusal },
    { ...asked, state: 'answered', wrapped },
  ] as const) {
    journal.write(entry);
    const open = entry.state === 'asked' ? [entry] : [];
    for (const each of [journal, next()]) {
      assert.deepEqual(each.find(release), entry);
      assert.deepEqual(each.asked(), open);
    }
  }
  journal.archive(release, wrapped);
  assert.deepEqual(readdirSync(path).length, 2);
  for (const name of readdirSync(path)) assert.equal(statSync(join(path, name)).mode & 0o777, 0o600);
  journal.forget(release);
  assert.equal(next().find(release), undefined);
});

test('a damaged file is never another release, or another outcome', () => {
  const path = join(folder, 'damaged');
  const journal = new ReleaseJournal(crypto, path);
  journal.write({ ...asked, refusal });
  const file = join(path, readdirSync(path)[0]!);
  // One damage in seven, which is about one to each byte: each is a file that is written.
  for (const bytes of [...mangled(new Uint8Array(readFileSync(file)))].filter((_, i) => i % 7 === 0)) {
    writeFileSync(file, bytes);
    const found = outcome(() => journal.find(release));
    if ('code' in found) assert.equal(found.code, 'STORAGE_FAILED');
    else assert.deepEqual([found.value?.release, found.value?.state], [release, 'asked']);
  }
  writeFileSync(file, '{');
  assert.throws(() => new ReleaseJournal(crypto, path), { code: 'STORAGE_FAILED' });
});

test('a folder is one process’s; what a dead one left behind is in nobody’s way', () => {
  const path = join(folder, 'locked');
  {
    using _lock = lockFolder(path);
    assert.equal(readFileSync(join(path, 'lock'), 'utf8'), String(process.pid));
    // Of a process that is there.
    writeFileSync(join(path, 'lock'), String(process.ppid));
    assert.throws(() => lockFolder(path), { code: 'CONFIG_INVALID' });
  }
  writeFileSync(join(path, 'lock'), '99999999');
  using _again = lockFolder(path);
});
