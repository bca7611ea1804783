import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Bytes } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { openLevelStorage, WriteBatch } from '../../src/storage/index.ts';
import { damageOf } from '../../src/storage/level-files.ts';

const root = mkdtempSync(join(tmpdir(), 'aichain-level-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A folder whose journal has a write for each of these numbers of bytes. */
async function written(name: string, lengths: readonly number[]): Promise<string> {
  const folder = join(root, name);
  const storage = await openLevelStorage(folder);
  for (const [i, length] of lengths.entries()) {
    // Of all bytes, so that nothing shrinks.
    const value = Uint8Array.from({ length }, (_, at) => (at * 151 + i) & 0xff);
    await storage.write(new WriteBatch().put(Uint8Array.of(i), value));
  }
  await storage.close();
  return folder;
}
const journalIn = (folder: string) =>
  join(folder, readdirSync(folder).find((name) => name.endsWith('.log'))!);
const read = (path: string): Bytes => new Uint8Array(readFileSync(path));

describe('a journal of LevelDB', () => {
  let small: string;
  let large: string;
  before(async () => {
    small = await written('small', [10, 20, 30]);
    large = await written('large', [100_000, 100_000]);
  });
  /** Where the second write begins, and the third: each has so much around its value. */
  const AROUND = 23;
  const [second, third] = [AROUND + 10, AROUND + 10 + AROUND + 20];

  test('is whole as it was written, over several blocks too', () => {
    for (const folder of [small, large]) assert.equal(damageOf(read(journalIn(folder))), undefined);
    assert.equal(damageOf(new Uint8Array(0)), undefined);
  });

  test('shows every byte that was changed, and whether another write follows', () => {
    const bytes = read(journalIn(small));
    for (let i = 0; i < bytes.length; i++) {
      for (const bit of [1, 0x80]) {
        const damage = damageOf(bytes.with(i, bytes[i]! ^ bit));
        const at = i < second ? 0 : i < third ? second : third;
        assert.deepEqual(damage, { at, torn: i >= third }, `byte ${i}`);
      }
    }
  });

  test('that ends within a write is torn, be it with zeros; of a write that was never begun it shows nothing', () => {
    const bytes = read(journalIn(small));
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const whole = [0, second, third].includes(length);
      assert.equal(damageOf(cut)?.torn, whole ? undefined : true, `${length} bytes`);
    }
    const zeros = new Uint8Array(third + 100);
    zeros.set(bytes.subarray(0, third));
    assert.equal(damageOf(zeros), undefined);
  });

  test('with a write over several blocks: parts of the last one may have come in any order', () => {
    const bytes = read(journalIn(large));
    assert.deepEqual(damageOf(bytes.with(40_000, bytes[40_000]! ^ 1)), { at: 32_768, torn: false });
    assert.equal(damageOf(bytes.with(110_000, bytes[110_000]! ^ 1))?.torn, true);
    for (let length = 1; length < bytes.length; length += 7919) {
      assert.equal(damageOf(bytes.subarray(0, length))?.torn, true, `${length} bytes`);
    }
  });

  test('is not opened where that would lose a write; one that was interrupted is left out', async () => {
    const damaged = join(root, 'damaged');
    cpSync(small, damaged, { recursive: true });
    const bytes = read(journalIn(small));
    writeFileSync(journalIn(damaged), bytes.with(second + 10, 0xee));
    const names = readdirSync(damaged);
    await assert.rejects(openLevelStorage(damaged), (error) => {
      return (
        isLedgerError(error, 'STORAGE_FAILED') &&
        error.message.includes(`.log cannot be read at byte ${second}`)
      );
    });
    assert.deepEqual(readdirSync(damaged), names);
    writeFileSync(journalIn(damaged), bytes.subarray(0, -1));
    const storage = await openLevelStorage(damaged);
    assert.ok(await storage.get(Uint8Array.of(1)));
    assert.equal(await storage.get(Uint8Array.of(2)), undefined);
    await storage.close();
  });

  test('beside which CURRENT is missing is not begun anew', async () => {
    const damaged = join(root, 'without');
    cpSync(small, damaged, { recursive: true });
    rmSync(join(damaged, 'CURRENT'));
    await assert.rejects(openLevelStorage(damaged), /CURRENT is missing/);
    assert.ok(journalIn(damaged));
    // What an interrupted first start leaves holds nothing.
    rmSync(journalIn(damaged));
    await (await openLevelStorage(damaged)).close();
  });
});
