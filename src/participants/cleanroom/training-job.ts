/** What a training thread is given, what it is told, and what it says. */
import type { Privacy } from '../../chain/privacy.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { EpochReport } from '../training/training-run.ts';

export interface TrainingJob {
  readonly pipeline: Bytes;
  readonly supplement: Bytes | undefined;
  /** Opened files, by the name that the joining query has for each. */
  readonly tables: readonly { readonly name: string; readonly csv: Bytes }[];
  /** What training starts from: safetensors. Undefined: a new network. */
  readonly base: Bytes | undefined;
  /** What the ledger has reserved. */
  readonly reserve: Privacy;
}

/** The thread does nothing that it was not told to: no epoch begins before the one before it is logged. */
export type TrainingOrder = 'epoch' | 'finish';

export interface TrainedModel {
  /** safetensors. */
  readonly model: Bytes;
  /** JSON: how it does on the rows that were held out, as far as that may be said. */
  readonly metrics: Bytes;
  readonly spent: Privacy;
  readonly accountant: string;
}

export type TrainingAnswer =
  /** `undefined`: there is no further epoch. */
  | { readonly type: 'epoch'; readonly report: EpochReport | undefined }
  | { readonly type: 'finished'; readonly trained: TrainedModel }
  /** Nothing of the data is in the message. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
