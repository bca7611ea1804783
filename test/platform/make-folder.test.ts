import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFolder } from '../../src/platform/write-file.ts';

const root = mkdtempSync(join(tmpdir(), 'aichain-folder-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('a folder is made with those above it, for its owner alone, and may be there', () => {
  const folder = join(root, 'a', 'b', 'c');
  makeFolder(folder);
  makeFolder(folder);
  for (const each of ['a', 'a/b', 'a/b/c']) assert.equal(statSync(join(root, each)).mode & 0o777, 0o700);
});

test('what is there and is no folder stays what it is', () => {
  const file = join(root, 'file');
  writeFileSync(file, 'x');
  for (const path of [file, join(file, 'below'), join(file, 'far', 'below')]) {
    assert.throws(() => makeFolder(path), { code: /EEXIST|ENOTDIR/ });
  }
});

test('where the system makes no folders, it says so', { skip: !existsSync('/proc/self') }, () => {
  for (const path of ['/proc/aichain', '/proc/aichain/a/b'])
    assert.throws(() => makeFolder(path), { code: 'ENOENT' });
});
