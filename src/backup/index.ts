/**
 * What survives the loss of a log's disk: backups, made while the log runs and verified before they are put back, and the
 * high-water mark, which shows that one is too old. Nothing here signs anything.
 */
export { MarkFile } from './mark-file.ts';
