// The contract service: drafts, discovery, signing, in-force watch, completion and payments, over the client SDK only. It
// holds one key, its own, and imports no other service. Beside it: what asks it, and a bank for demonstrations.
export { type BankOptions, type RunningBank, startBank } from './bank.ts';
export { ContractServiceClient, type ContractServiceClientOptions, type DraftFiles } from './client.ts';
export {
  type ContractServiceOptions,
  type RunningContractService,
  startContractService,
} from './service.ts';
export type { Receiver } from './webhook.ts';
