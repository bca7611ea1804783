import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { readInput, writeOutput } from '../../src/cli/files.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { testFolder } from './folder.ts';

const path = testFolder();

test('what has no end is read as far as a file may be long', { skip: !existsSync('/dev/zero') }, async () => {
  await assert.rejects(readInput({} as Terminal, '/dev/zero'), (error) => {
    return isLedgerError(error, 'ARGUMENT_INVALID') && /zero is longer than 16 MiB/.test(error.message);
  });
  assert.equal((await readInput({} as Terminal, '/dev/null')).bytes.length, 0);
});

test('a link or a device is written to, and stays what it is', {
  skip: !existsSync('/dev/null'),
}, async () => {
  symlinkSync('target', path('link'));
  await writeOutput(path('link'), 'first');
  await writeOutput(path('link'), 'second');
  assert.equal(readFileSync(path('target'), 'utf8'), 'second');
  symlinkSync('/dev/null', path('null'));
  await writeOutput(path('null'), 'nothing');
  for (const name of ['link', 'null']) assert.ok(lstatSync(path(name)).isSymbolicLink());
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
});
