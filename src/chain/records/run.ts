/** Records of training runs: STARTED → COMPLETED | FAILED | ABORTED. */
import { delta, epsilon, privacy } from '../privacy.ts';
import { recordType } from '../record.ts';
import { bool, type Infer, list, milliseconds, oneOf, optional, struct, text, uint, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { word } from './dataset.ts';

export const MAX_OUTPUTS = 64;

/** A file that leaves the clean room. */
export const output = struct({
  name: text({ max: 256 }),
  format: word,
  /** SHA-256 of the file. */
  digest,
  size: uint(),
  /** Whether it was made under the run's differential privacy. */
  private: bool,
});

const runRecord = struct({
  cleanroom: urn('cleanroom'),
  state: oneOf('STARTED', 'COMPLETED', 'FAILED', 'ABORTED'),
  /** What the run may spend: the reserve of its room's grants. */
  reserve: privacy,
  /** Spent so far, by the last run.log; once it has ended, what its budgets were charged. */
  epsilon,
  delta,
  /** run.log entries so far. */
  logs: uint(),
  outputs: list(output, { max: MAX_OUTPUTS }),
  /** The model that was released from it. */
  model: optional(urn('model')),
  entry: uint(),
  changed: uint(),
  changedAt: milliseconds,
});
export type RunRecord = Infer<typeof runRecord>;
export const RUN = recordType<[id: string], RunRecord>('run', runRecord);
