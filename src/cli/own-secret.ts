/** Files with shared secrets: nobody but their owner may read them. */
import { stat } from 'node:fs/promises';
import { fromUtf8 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Context } from './context.ts';
import { readInput } from './files.ts';

/** @throws CONFIG_INVALID others may read it */
export async function ownSecret(terminal: Context['terminal'], file: string): Promise<string> {
  const { mode } = await stat(file).catch((cause) => {
    throw fail('CONFIG_INVALID', `cannot read ${file}`, { cause });
  });
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw fail('CONFIG_INVALID', `${file} has a secret, and others may read it: chmod 600`);
  }
  return fromUtf8((await readInput(terminal, file)).bytes);
}
