// The contract service: drafts, discovery, signing, in-force watch, completion and payments, over the client SDK only. It
// holds one key, its own, and imports no other service. Beside it: what asks it, and a bank for demonstrations.
export { startBank } from './bank.ts';
export { ContractServiceClient } from './client.ts';
export { type RunningContractService, startContractService } from './service.ts';
export type { Receiver } from './webhook.ts';
