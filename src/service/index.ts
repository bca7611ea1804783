/**
 * The use cases, and the only caller of the log and its storage. Adapters (gRPC, HTTP) and the server's start-up
 * talk to the interface `Ledger`; nothing here knows a protocol.
 */
export { EvidenceService } from './evidence.ts';
export { EvidenceAccess } from './evidence-access.ts';
export { issuerLimit } from './issuer-limit.ts';
export type * from './ledger.ts';
export { LedgerService } from './ledger-service.ts';
export { Limits, type Rate } from './limits.ts';
export type * from './provenance.ts';
export type { ServedLog, ServedSnapshot } from './served-log.ts';
export type { TlsOptions } from './surface.ts';
