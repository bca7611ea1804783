/** The audit of the storage in a folder. */
import { fail, isLedgerError } from '../core/errors.ts';
import { journalDamage, openLevelStorage, RenewedStorage } from '../storage/index.ts';
import { type FsckOptions, type FsckReport, fsckStorage } from './fsck-storage.ts';

/** Bytes that are read before the storage is opened anew: less of them beside a state, and an audit that takes longer. */
const READ_BY_HASHES = 64 << 20;
const READ_WITH_STATE = 16 << 20;

/** @throws LOG_LOCKED the log is running; LOG_CORRUPT there is no head to begin with; STORAGE_FAILED */
export async function fsckFolder(folder: string, options: FsckOptions): Promise<FsckReport> {
  const torn = journalDamage(folder);
  const most = options.hashesOnly ? READ_BY_HASHES : READ_WITH_STATE;
  const storage = await RenewedStorage.open(() => openLevelStorage(folder), most);
  try {
    const report = await fsckStorage(storage, options);
    for (const { file, at } of torn) {
      const found = 'a record that cannot be read: a write that was interrupted, or damage to the last one';
      report.findings.add('storage', `journal ${file}, byte ${at}`, 'whole records to its end', found);
    }
    return report;
  } catch (error) {
    if (!isLedgerError(error, 'STORAGE_FAILED')) throw error;
    // Damage below the rows: LevelDB knows that a block is bad, and nobody what was in it.
    const { cause } = error;
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    const message = `${error.message}${why}. The files in ${folder} are damaged, or their disk is: what they held is in a backup or a mirror`;
    throw fail('STORAGE_FAILED', message, { cause });
  } finally {
    await storage.close();
  }
}
