/**
 * The gates: may this step of the lifecycle be taken now? Pure functions of a request, a time and the state, which record
 * what they read. One file for each step; nothing here proves, signs or knows who asks.
 */
export { type Decision, decide, decideProven, readRequest } from './decide.ts';
export type { Gate } from './gate.ts';
export { GATES, type GateReason, type GateStep, gateNamed, type RequestOf } from './list.ts';
export type { ProvenFact } from './reads.ts';
