/** A file that only this user may read, replaced as a whole: on disk, under its name, when this returns; after a power cut too. */
import { renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bytes } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { createFile, syncFolder } from '../../platform/write-file.ts';

let count = 0;

/** @throws STORAGE_FAILED */
export function replacePrivateFile(path: string, content: Bytes): void {
  const folder = dirname(path);
  const aside = join(folder, `.${process.pid}-${count++}.tmp`);
  try {
    // What is there was left by a process of the same number.
    rmSync(aside, { force: true });
    createFile(aside, content, 0o600);
    renameSync(aside, path);
    syncFolder(folder);
  } catch (cause) {
    throw fail('STORAGE_FAILED', `${path} could not be written`, { cause });
  }
}
