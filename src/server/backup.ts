/** Takes a backup of a data folder: from the server that runs on it, or, where none does, from its storage. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Backup,
  type FileContent,
  logFrames,
  runningLog,
  type StoredLog,
  writeBackup,
  writeKeyBackup,
} from '../backup/index.ts';
import { rulesId } from '../chain/index.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { signCheckpoint, storedRows, verifyStoredLog } from '../log/index.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import { openLevelStorage } from '../storage/index.ts';
import { evidenceFiles, singleFiles } from './data-files.ts';
import { backupSocket, keyFolder, storageFolder } from './first-start.ts';
import { hasKeyFiles, KEY_FILES, readKeyFiles } from './key-files.ts';

export interface BackupRequest {
  readonly dataDir: string;
  /** A file that is not there, or a folder. */
  readonly to: string;
  /** Leaves the evidence store out. */
  readonly withoutEvidence: boolean;
}

/**
 * @returns what was written, and whether a server was running
 * @throws ARGUMENT_INVALID there is no log in the folder, or `to` is taken; UNAVAILABLE the server cannot send it; LOG_LOCKED
 * it runs, and offers no backups; LOG_CORRUPT, STORAGE_FAILED
 */
export async function backup(request: BackupRequest): Promise<Backup & { readonly online: boolean }> {
  const { dataDir } = request;
  const crypto = nodeCrypto;
  // Opening a folder that is not there would make one.
  if (!existsSync(storageFolder(dataDir))) throw fail('ARGUMENT_INVALID', `there is no log in ${dataDir}`);
  const single = await singleFiles(dataDir);
  const running = await runningLog(crypto, backupSocket(dataDir));
  if (running) return { ...(await write(crypto, request, running, single)), online: true };
  const storage = await openLevelStorage(storageFolder(dataDir));
  try {
    // Nothing is signed that has not been hashed again.
    const keys = readKeyFiles(crypto, keyFolder(dataDir));
    const { head, tip } = await verifyStoredLog(crypto, storage, {
      origin: keys.origin,
      rules: rulesId(crypto),
    });
    const checkpoint = signCheckpoint(keys.log, keys.origin, { ...head, time: tip!.time });
    const log: StoredLog = { ...(await storedRows(storage)), checkpoint };
    const frames = logFrames(log, Date.now());
    return { ...(await write(crypto, request, frames, single)), online: false };
  } finally {
    await storage.close();
  }
}

function write(
  crypto: Crypto,
  { dataDir, to, withoutEvidence }: BackupRequest,
  log: Parameters<typeof writeBackup>[2],
  single: readonly FileContent[],
): Promise<Backup> {
  const files = async function* () {
    yield* single;
    if (!withoutEvidence) yield* evidenceFiles(dataDir);
  };
  return writeBackup(crypto, to, log, files());
}

/** @returns the file. @throws ARGUMENT_INVALID the folder has no keys, or `to` is taken */
export async function backupKeys(dataDir: string, to: string): Promise<string> {
  const folder = keyFolder(dataDir);
  if (!hasKeyFiles(folder)) throw fail('ARGUMENT_INVALID', `there are no keys in ${folder}`);
  const files = async function* () {
    for (const path of KEY_FILES) {
      if (existsSync(join(folder, path))) {
        yield { path, bytes: new Uint8Array(readFileSync(join(folder, path))) };
      }
    }
  };
  return writeKeyBackup(nodeCrypto, to, files());
}
