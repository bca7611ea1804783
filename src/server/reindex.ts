/** Has the lineage index of a log that is not running built anew by its next start. */
import { forgetLineage } from '../log/index.ts';
import type { Config } from '../platform/config.ts';
import { openLevelStorage } from '../storage/index.ts';
import { storageFolder } from './first-start.ts';

/** @throws LOG_LOCKED while the log is running; STORAGE_FAILED */
export async function reindex({ dataDir }: Pick<Config, 'dataDir'>): Promise<void> {
  const storage = await openLevelStorage(storageFolder(dataDir));
  try {
    await forgetLineage(storage);
  } finally {
    await storage.close();
  }
}
