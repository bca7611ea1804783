/** The audit of the storage in a folder. */
import { openLevelStorage } from '../storage/index.ts';
import { type FsckOptions, type FsckReport, fsckStorage } from './fsck-storage.ts';

/** @throws LOG_LOCKED the log is running; LOG_CORRUPT there is no head to begin with; STORAGE_FAILED */
export async function fsckFolder(folder: string, options: FsckOptions): Promise<FsckReport> {
  const storage = await openLevelStorage(folder);
  try {
    return await fsckStorage(storage, options);
  } finally {
    await storage.close();
  }
}
