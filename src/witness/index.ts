/**
 * Being a witness (C2SP tlog-witness), for any log: which logs, what was cosigned last, the rules, their HTTP interface;
 * and how a log reaches a witness. Nothing here knows what a log's entries mean, nor which storage is used.
 */
export { createWitnessServer, type WitnessObserver } from './http.ts';
export { parseLogList } from './log-list.ts';
export { CosignedRecords } from './records.ts';
export { RemoteWitness } from './remote-witness.ts';
export { Witness, type WitnessOptions } from './witness.ts';
