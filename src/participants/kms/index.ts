// A key management service in front of the ledger: keeps the data keys that owners import, and hands one to a clean room only
// against a proof that it may. Built on the client only: what it goes by was proven to it, but for what owners have sealed.
export { KeyImportClient } from './import-client.ts';
export { makeKeyImport } from './import-request.ts';
export type { ReleaseOutcome } from './release-desk.ts';
export { startKms } from './service.ts';
