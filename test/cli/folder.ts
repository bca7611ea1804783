/** A folder for the files of one test file, removed when its tests are over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** @returns the path of a name in the folder */
export function testFolder(): (name?: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return (name = '') => join(folder, name);
}
