// The client SDK: a log over gRPC or HTTP, everything verified against a trust file before it is returned. Whoever
// uses a log goes through here; nothing here is used by the server. Claims from the network end in the transports'
// callers: past LedgerClient there are only proven values.

export type { ClientTls } from '../platform/http-agent.ts';
export type * from './claimed-lineage.ts';
export { EvidenceClient, type EvidenceClientOptions } from './evidence-client.ts';
export type { GateDecision } from './gate-keeper.ts';
export { HttpTiles, type HttpTilesOptions } from './http-tiles.ts';
export {
  type CallOptions,
  type ConnectOptions,
  type CurrentFacts,
  LedgerClient,
  type VerifiedEntry,
  type VerifiedHead,
  type VerifiedInclusion,
} from './ledger-client.ts';
export type { Marks } from './mark-file.ts';
export { modelsByDigest } from './model-search.ts';
export { ProvenanceClient, type ProvenanceOptions } from './provenance.ts';
export type { BatchOptions, Registration, RegistrationOutcome } from './registrar.ts';
export type { BatchChannel, Call, EntryName, Transport } from './transport.ts';
