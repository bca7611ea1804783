/**
 * The audit of a log: everything that it stores or serves is derived again from its entries, on all cores, and whatever
 * differs is named. It decides nothing and changes nothing.
 */
export { auditInPlace, auditThreads, type MakeAuditors } from './auditors.ts';
export type { Finding } from './findings.ts';
export { fsckFolder } from './fsck-folder.ts';
export { fsckServed, type ServedLog } from './fsck-served.ts';
export { type FsckOptions, type FsckReport, fsckStorage } from './fsck-storage.ts';
export type { KeptNote } from './known-heads.ts';
