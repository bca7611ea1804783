/**
 * A mirror: a verified full copy of a log, in the log's own storage layout, that serves what the log serves and can seed
 * it. It signs nothing. Puts together what others define: tiles, replay, the log's storage, the service's ledger.
 */
export type { EvidenceKeeper } from './evidence.ts';
export { Mirror, type MirrorOptions } from './mirror.ts';
export { HttpUpstream } from './upstream.ts';
