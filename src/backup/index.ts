/**
 * What survives the loss of a log's disk: backups, made while the log runs and verified before they are put back, and the
 * high-water mark, which shows that one is too old. Nothing here signs anything.
 */
export type { FileContent } from './content.ts';
export { logFrames, type StoredLog } from './log-frames.ts';
export { type Backup, writeBackup, writeKeyBackup } from './make.ts';
export { MarkFile } from './mark-file.ts';
export { type Restored, readKeyBackup, restoreBackup } from './restore.ts';
export { type BackupServer, runningLog, serveBackups } from './socket.ts';
export { assertNotRestoring, Staging } from './staging.ts';
