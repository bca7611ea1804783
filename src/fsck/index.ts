/**
 * The audit of a log: everything that it stores or serves is derived again from its entries, on all cores, and whatever
 * differs is named. It decides nothing and changes nothing.
 */
export { auditInPlace, auditThreads, type MakeAuditors } from './auditors.ts';
export { CHECKS, type Check, type Finding, Findings } from './findings.ts';
export { type FsckOptions, type FsckReport, fsckStorage, type KnownHead } from './fsck-storage.ts';
