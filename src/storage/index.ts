/**
 * Where rows live: the storage contract and its drivers. A driver knows nothing of the log, no other driver, and
 * passes test/storage/suite.ts. What rows mean belongs to src/log.
 */
export * from './contract.ts';
export { openLevelStorage } from './level.ts';
export { journalDamage } from './level-files.ts';
export { memoryStorage } from './memory.ts';
export { RenewedStorage } from './renewed.ts';
