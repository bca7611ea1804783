import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beside, differ } from '../../benchmarks/beside.ts';
import { fileSystemName, inMemory } from '../../benchmarks/file-system.ts';

test('work is done between two looks at a ceiling, and has their mean', async () => {
  const seen: number[] = [];
  const work = async (before: { readonly 'P-256 verify': { readonly rate: number } }) => {
    seen.push(before['P-256 verify'].rate);
    return 'done';
  };
  const { result, ceilings } = await beside(['P-256 verify'], work, 20);
  const { rate, before, after, cpu } = ceilings['P-256 verify'];
  assert.equal(result, 'done');
  assert.deepEqual(seen, [before]);
  assert.equal(rate, (before + after) / 2);
  assert.ok(cpu! > 0);
});

test('ceilings differ that are more than 15 % apart', () => {
  assert.equal(differ({ before: 100, after: 114 }), false);
  assert.equal(differ({ before: 100, after: 116 }), true);
  assert.equal(differ({ before: 116, after: 100 }), true);
});

test('a file system in memory is known as one, whatever sign its number has', () => {
  assert.equal(fileSystemName(0xef53), 'ext2/3/4');
  assert.equal(fileSystemName(0x1234), '0x1234');
  assert.equal(inMemory('ext2/3/4'), undefined);
  for (const type of [0x01021994, 0x858458f6, 0x858458f6 - 2 ** 32]) {
    assert.match(inMemory(fileSystemName(type))!, /TMPDIR/);
  }
});
