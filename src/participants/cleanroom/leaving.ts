/**
 * The one way out of a clean room: one file, in a folder that has nothing else in it. The ledger has its digest
 * (`model.release`), and name, size and digest of everything that is sealed in it (`run.complete`). What the room needs for itself
 * lies in its own folder; what it tells on its way is in the log already.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail, LedgerError } from '../../core/errors.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';
import { checkDeclared } from './declared.ts';
import type { Released } from './released.ts';
import type { Site } from './site.ts';
import type { Run } from './trained.ts';

export const SEALED = 'model.sealed';

/** Before anything is begun. @throws ARGUMENT_INVALID something lies there: nobody could tell later where it came from */
export function clearTheWayOut(out: string): void {
  makeFolder(out);
  const [name] = readdirSync(out);
  if (name !== undefined) throw fail('ARGUMENT_INVALID', `${join(out, name)}: a room leaves an empty folder`);
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
