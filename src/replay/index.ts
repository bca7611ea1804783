/**
 * Replaying a log: its statements through the transition function again, from bytes, and every state entry compared with
 * what that leads to. Pure: where the bytes come from, and where the state is kept, is the caller's business. What the
 * log's own sequencer builds (src/log/batch.ts) is checked here.
 */
export { describeFault, type FaultMember } from './fault.ts';
export { type PreparedRun, prepareRun, type RunLookups } from './prepare.ts';
export {
  type KnownEntries,
  type Refuted,
  Replay,
  type ReplayedEntry,
  type ReplayedRun,
  type ReplayPoint,
} from './replay.ts';
export { type ReplayLeaf, type Run, RunAssembler } from './run.ts';
