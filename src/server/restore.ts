/**
 * Puts a backup back as the data folder of a log: unpacked beside the place, verified as a whole, and only then moved
 * there. What it is verified against comes from elsewhere: the log's keys, or a trust file.
 */
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type FileContent,
  MarkFile,
  type Restored,
  readKeyBackup,
  restoreBackup,
  Staging,
} from '../backup/index.ts';
import { rulesId } from '../chain/index.ts';
import { type Bytes, equal, fromUtf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { auditInPlace, auditThreads, type FsckOptions, type MakeAuditors } from '../fsck/index.ts';
import { holds } from '../log/index.ts';
import { openCheckpoint, type VerifierKey } from '../note/index.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import { createFile, makeFolder } from '../platform/write-file.ts';
import { openLevelStorage } from '../storage/index.ts';
import type { Trust } from '../verify/index.ts';
import { assertDataFile } from './data-files.ts';
import { keyFolder, storageFolder } from './first-start.ts';
import { KEY_FILES, readKeyFiles } from './key-files.ts';
import { KEPT } from './witnesses.ts';

/** Bytes of a backup that this thread audits alone. */
const SMALL = 4 * 1024 * 1024;

export interface RestoreRequest {
  readonly from: string;
  readonly dataDir: string;
  /** Backup of the keys; they are put back as well. */
  readonly keys?: string;
  /** Needed without the keys. */
  readonly trust?: Trust;
  readonly highWaterFile?: string;
  /** Verifies, and leaves nothing behind. */
  readonly verifyOnly: boolean;
  /** Told how far the audit has come. */
  readonly progress?: FsckOptions['progress'];
}

/**
 * @throws ARGUMENT_INVALID the data folder is not empty, or a file cannot be read; CONFIG_INVALID neither keys nor trust, or
 * not of one log; and what restoreBackup throws. Whatever it throws, the data folder is as it was.
 */
export async function restoreServer(request: RestoreRequest): Promise<Restored> {
  const { dataDir, verifyOnly } = request;
  if (verifyOnly) {
    const folder = mkdtempSync(join(tmpdir(), 'aichain-restore-'));
    try {
      return await restoreInto(nodeCrypto, folder, request);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const staging = Staging.begin(dataDir);
  try {
    const restored = await restoreInto(nodeCrypto, staging.folder, request);
    staging.finish();
    return restored;
  } catch (error) {
    staging.abandon();
    throw error;
  }
}

async function restoreInto(
  crypto: Crypto,
  folder: string,
  { from, keys, trust, highWaterFile, progress }: RestoreRequest,
): Promise<Restored> {
  if (keys !== undefined) await restoreKeys(crypto, folder, keys);
  const logKey = trustedKey(crypto, folder, keys, trust);
  const storage = await openLevelStorage(storageFolder(folder));
  let kept: Bytes | undefined;
  const put = async (file: FileContent) => {
    assertDataFile(crypto, file);
    if (file.path === KEPT) kept = file.bytes;
    writeInto(folder, file, 0o644);
  };
  try {
    const restored = await restoreBackup(
      crypto,
      readable(from),
      { storage, put },
      {
        ...{ logKey, rules: rulesId(crypto), auditors: auditorsFor(from) },
        ...(progress && { progress }),
        ...(trust && { genesis: trust.genesis }),
        ...(highWaterFile !== undefined && { mark: new MarkFile(crypto, highWaterFile, logKey) }),
      },
    );
    if (kept && !(await holds(openCheckpoint(crypto, fromUtf8(kept), logKey), restored.tree))) {
      throw fail('BACKUP_MALFORMED', 'the cosigned checkpoint of the backup is of another tree');
    }
    return restored;
  } finally {
    await storage.close();
  }
}

async function restoreKeys(crypto: Crypto, folder: string, from: string): Promise<void> {
  for (const file of await readKeyBackup(crypto, readable(from))) {
    if (!KEY_FILES.includes(file.path))
      throw fail('BACKUP_MALFORMED', `${from} has a file that is no key of a log`);
    writeInto(keyFolder(folder), file, 0o600);
  }
}

/** Threads take longer to begin than a small log takes to be audited. */
function auditorsFor(from: string): MakeAuditors {
  const size = statSync(from, { throwIfNoEntry: false })?.size ?? 0;
  return size < SMALL ? auditInPlace(nodeCrypto) : auditThreads(nodeCrypto, availableParallelism());
}

/** @throws CONFIG_INVALID */
function trustedKey(
  crypto: Crypto,
  folder: string,
  keys: string | undefined,
  trust: Trust | undefined,
): VerifierKey {
  if (keys === undefined) {
    if (trust) return trust.checkpointKey;
    throw fail(
      'CONFIG_INVALID',
      'a backup is verified against the log’s keys (--keys) or a trust file (--trust)',
    );
  }
  const own = readKeyFiles(crypto, keyFolder(folder)).log.checkpoint.verifierKey;
  if (trust && (trust.origin !== own.name || !equal(trust.checkpointKey.key, own.key))) {
    throw fail('CONFIG_INVALID', `the keys are those of ${own.name}, the trust file is of another log`);
  }
  return own;
}

function writeInto(folder: string, { path, bytes }: FileContent, mode: number): void {
  const file = join(folder, path);
  makeFolder(dirname(file));
  try {
    createFile(file, bytes, mode);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw fail('BACKUP_MALFORMED', `the backup has ${path} twice`, { cause });
  }
}

async function* readable(path: string): AsyncIterable<Bytes> {
  try {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
    throw fail('ARGUMENT_INVALID', `cannot read ${path}: ${code}`, { cause });
  }
}
