/** One process for each folder: two would promise, each, what the other does not keep. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';

/** @throws CONFIG_INVALID another process has the folder, or it cannot be written */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, 'lock');
  const take = () => createFile(path, String(process.pid), 0o600);
  try {
    makeFolder(folder);
    try {
      take();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(readFileSync(path, 'utf8'));
      if (isRunning(holder)) throw fail('CONFIG_INVALID', `process ${holder} is at work in ${folder}`);
      // It died, and left this behind.
      rmSync(path, { force: true });
      take();
    }
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot take the folder ${folder}: ${(cause as Error).message}`, { cause });
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

function isRunning(pid: number): boolean {
  // In a container the process that died here had, as like as not, the number of this one.
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
