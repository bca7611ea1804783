/** `npm run demo -- --attack NAME`, as processes: each attack is stopped where it has to be, for the reason that it has to be. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { demo } from './played.ts';
import { FINDINGS, STOPS } from './stops.ts';

describe('attacks', () => {
  const out = mkdtempSync(join(tmpdir(), 'aichain-attacks-'));
  after(() => rmSync(out, { recursive: true, force: true }));

  test('are listed', () => {
    const { code, stdout } = demo('--attack', 'list');
    assert.equal(code, 0);
    for (const name of Object.keys(STOPS)) assert.match(stdout, new RegExp(`^${name} `, 'm'));
  });

  for (const [name, stops] of Object.entries(STOPS)) {
    test(name, () => {
      const { code, stdout, stderr } = demo('--attack', name, '--out', join(out, name));
      assert.equal(code, 0, stderr + stdout);
      assert.deepEqual(
        [...stdout.matchAll(/^ {3}seen +(.*)$/gm)].map(([, seen]) => seen),
        stops,
      );
      assert.match(stdout, new RegExp(`^STOPPED: ${name}, as declared$`, 'm'));
      for (const finding of FINDINGS[name] ?? []) assert.match(stdout, finding);
    });
  }
});
