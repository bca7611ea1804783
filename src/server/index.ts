/**
 * A server put together: key files, first start, the log with its surfaces, shutdown. Everything that decides which
 * implementation is used (node crypto, LevelDB) is decided here. Imported by the CLI only.
 */
export { backup, backupKeys } from './backup.ts';
export { DEVELOPMENT_SRO, keyFolder, logKeys, storeGenesis } from './first-start.ts';
export { developmentSro } from './key-files.ts';
export { copyOnce, startMirror } from './mirror.ts';
export { type RunningMonitor, startMonitor } from './monitor.ts';
export { reindex } from './reindex.ts';
export { restoreServer } from './restore.ts';
export { type RunningServer, startServer } from './server.ts';
export { startWitness } from './witness.ts';
