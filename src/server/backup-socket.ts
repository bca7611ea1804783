/** Offers backups of the log that a server has open to its own user: `aichain backup` connects to it. */
import { type BackupServer, serveBackups } from '../backup/index.ts';
import type { Hasher } from '../core/crypto.ts';
import type { TransparencyLog } from '../log/index.ts';
import type { Logger } from '../platform/logger.ts';
import { backupSocket } from './first-start.ts';

/** @throws UNAVAILABLE */
export async function offerBackups(
  hasher: Hasher,
  dataDir: string,
  log: TransparencyLog,
  logger: Logger,
): Promise<BackupServer | undefined> {
  // A named pipe is not a file with an owner there.
  if (process.platform === 'win32') return undefined;
  const path = backupSocket(dataDir);
  const server = await serveBackups(hasher, path, () => log.stored(), {
    sent(bytes, error) {
      if (error === undefined) logger.info({ bytes }, 'a backup was sent');
      else logger.warn({ bytes, err: error }, 'a backup was not sent to its end');
    },
  });
  if (!server) logger.warn({ path }, 'no backups while the server runs: the path is too long for a socket');
  return server;
}
