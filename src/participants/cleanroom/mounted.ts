/** The data: encrypted files that are the registered ones, and what they hold once their keys are there. */
import { DATASET } from '../../chain/records/dataset.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { LedgerError } from '../../core/errors.ts';
import { openWhole } from '../sealed-file.ts';
import type { DataKey } from './data-keys.ts';
import type { PlannedMount } from './planned.ts';
import type { SealedFolder } from './sealed-folder.ts';
import type { Site } from './site.ts';
import type { TrainingJob } from './training-job.ts';

/** A file as it was found, and is as it is registered. */
export interface MountedFile extends PlannedMount {
  readonly sealed: Bytes;
  /** SHA-256 of `sealed`. */
  readonly ciphertext: Bytes;
}

const MAX_TABLE = 512 * 1024 * 1024;

/**
 * Before any key is asked for: with another file the keys would be of no use, and their budget spent.
 * @throws MOUNT_DIGEST_MISMATCH, DATASET_NOT_FOUND, ARGUMENT_INVALID no such file
 */
export async function mount(
  site: Site,
  folder: SealedFolder,
  planned: readonly PlannedMount[],
): Promise<MountedFile[]> {
  const files: MountedFile[] = [];
  for (const each of planned) {
    const { dataset, version } = each;
    const registered = await site.state.read(DATASET, dataset, version);
    if (!registered) throw new LedgerError('DATASET_NOT_FOUND', `${dataset}, version ${version}`);
    const sealed = await folder.read(dataset, version);
    const ciphertext = site.crypto.sha256(sealed);
    if (!equal(ciphertext, registered.ciphertext)) {
      throw new LedgerError('MOUNT_DIGEST_MISMATCH', `the file of ${dataset} is not the registered one`);
    }
    files.push({ ...each, sealed, ciphertext });
  }
  return files;
}

/** The tables in the clear, in memory; the keys are overwritten. @throws SEALED_FILE_INVALID, MOUNT_NOT_KEYED */
export async function openFiles(
  files: readonly MountedFile[],
  keys: readonly DataKey[],
): Promise<TrainingJob['tables']> {
  const tables: { name: string; csv: Bytes }[] = [];
  try {
    for (const { dataset, version, table, sealed } of files) {
      const found = keys.find((key) => key.subject === dataset && key.version === version);
      if (!found) throw new LedgerError('MOUNT_NOT_KEYED', dataset);
      const { key, dataKeyId } = found;
      const expected = { subject: dataset, version, dataKeyId };
      tables.push({ name: table, csv: await openWhole(key, expected, [sealed], MAX_TABLE) });
    }
    return tables;
  } catch (error) {
    for (const { csv } of tables) csv.fill(0);
    throw error;
  } finally {
    forget(keys);
  }
}

export function forget(keys: readonly DataKey[]): void {
  for (const { key } of keys) key.fill(0);
}
