/**
 * The one way out of a clean room: one file, in a folder that has nothing else in it. The ledger has its digest
 * (`model.release`), and name, size and digest of everything that is sealed in it (`run.complete`). What the room needs for itself
 * lies in its own folder; what it tells on its way is in the log already.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fail, LedgerError } from '../../core/errors.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';
import { checkDeclared } from './declared.ts';
import type { Released } from './released.ts';
import type { Site } from './site.ts';
import type { Run } from './trained.ts';

export const SEALED = 'model.sealed';

/**
 * Before anything is begun.
 * @param written folders that the room, or others for it, write into meanwhile
 * @throws ARGUMENT_INVALID something lies there, or would: nobody could tell later where it came from
 */
export function clearTheWayOut(out: string, written: readonly string[]): void {
  makeFolder(out);
  const [name] = readdirSync(out);
  if (name !== undefined) throw fail('ARGUMENT_INVALID', `${join(out, name)}: a room leaves an empty folder`);
  for (const folder of written) {
    const [first] = relative(realpathSync(out), whereIs(folder)).split(sep);
    if (first !== '..')
      throw fail('ARGUMENT_INVALID', `${folder} is in ${out}, which only the model leaves by`);
  }
}

/** Of a folder that need not be there yet, with all links followed as far as it is. */
function whereIs(folder: string): string {
  const path = resolve(folder);
  return existsSync(path) ? realpathSync(path) : join(whereIs(dirname(path)), relative(dirname(path), path));
}

/** @throws OUTPUT_NOT_DECLARED something would leave, or has left, that the ledger does not know of: the model stays */
export async function leave(out: string, site: Site, run: Run, released: Released): Promise<void> {
  const { model, delivery } = released;
  await checkDeclared(site, { model, run: run.id, ciphertext: delivery.ciphertext }, run.outputs);
  const [other] = readdirSync(out);
  if (other !== undefined)
    throw new LedgerError('OUTPUT_NOT_DECLARED', `${join(out, other)} is not declared`);
  createFile(join(out, SEALED), delivery.sealed, 0o600);
}
