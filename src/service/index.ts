/**
 * The use cases, and the only caller of the log and its storage. Adapters (gRPC, HTTP) and the server's start-up
 * talk to the interface `Ledger`; nothing here knows a protocol.
 */
export type * from './ledger.ts';
export { LedgerService } from './ledger-service.ts';
