/**
 * run.start: may training begin? The room has logged its run; before it reads the first row it makes sure that the run
 * stands, that what it mounted is what is registered, and that nothing was stopped meanwhile.
 */
import { type Bytes, equal } from '../../core/bytes.ts';
import { STILL_IN_FORCE_FAULTS } from '../in-force.ts';
import type { StateReader } from '../record.ts';
import { CLEANROOM, type CleanroomRecord } from '../records/cleanroom.ts';
import { MAX_DATASETS } from '../records/contract.ts';
import { DATASET } from '../records/dataset.ts';
import { RUN } from '../records/run.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { blockedFault, codeFault } from '../room-standing.ts';
import { stillFault } from '../run-standing.ts';
import { list, struct, uint, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { declareGate } from './gate.ts';
import { deadlineFault, ROOM_FAULTS } from './room-faults.ts';

const REASONS = {
  ...ROOM_FAULTS,
  ...STILL_IN_FORCE_FAULTS,
  CODE_REVOKED: 'The code was revoked, or its certification has ended.',
  RUN_NOT_FOUND: 'No run is logged with this id, or not of this clean room.',
  RUN_NOT_OPEN: 'The run has ended.',
  PIPELINE_CHANGED: 'The clean room was deployed for another pipeline.',
  MOUNT_NOT_KEYED:
    'A dataset is mounted that the clean room has no key of, or one that it needs is not mounted.',
  MOUNT_DIGEST_MISMATCH: 'A mounted file is not the one that the dataset is registered with.',
} as const;
type Fault = Refusal<keyof typeof REASONS> | undefined;

interface Mounted {
  readonly dataset: string;
  readonly version: number;
  readonly ciphertext: Bytes;
}

export const start = declareGate({
  step: 'run.start',
  question: 'May the training that was logged as this run begin, on these files?',
  members: {
    cleanroom: urn('cleanroom'),
    run: urn('run'),
    /** Commitment to the whole pipeline. */
    pipeline: digest,
    /** Every dataset that is mounted, with the SHA-256 of the encrypted file as it was found. */
    mounts: list(struct({ dataset: urn('dataset'), version: uint({ min: 1 }), ciphertext: digest }), {
      min: 1,
      max: MAX_DATASETS,
    }),
  },
  reasons: REASONS,
  decide({ read, at }, { cleanroom, run: id, pipeline, mounts }) {
    const room = CLEANROOM.read(read, cleanroom);
    if (!room) return refuse('CLEANROOM_NOT_FOUND');
    const run = RUN.read(read, id);
    if (run?.cleanroom !== cleanroom || room.run !== id) return refuse('RUN_NOT_FOUND');
    if (run.state !== 'STARTED') return refuse('RUN_NOT_OPEN', run.state);
    if (room.state !== 'TRAINING') return refuse('CLEANROOM_STATE_WRONG', room.state);
    if (!equal(room.pipeline, pipeline)) return refuse('PIPELINE_CHANGED');
    return (
      mountsFault(read, room, mounts) ??
      deadlineFault(room, at) ??
      stillFault(read, room, at) ??
      codeFault(read, room.code, at) ??
      blockedFault(read, room, at)
    );
  },
});

function mountsFault(read: StateReader, room: CleanroomRecord, mounted: readonly Mounted[]): Fault {
  const needed = room.mounts.filter(({ version }) => version !== undefined);
  const names = new Set(mounted.map(({ dataset, version }) => `${dataset} ${version}`));
  if (names.size !== mounted.length || names.size !== needed.length) return refuse('MOUNT_NOT_KEYED');
  for (const { dataset, version, ciphertext } of mounted) {
    const mount = needed.find((of) => of.subject === dataset && of.version === version);
    if (!mount?.received) return refuse('MOUNT_NOT_KEYED', dataset);
    const record = DATASET.read(read, dataset, version);
    if (!record || !equal(record.ciphertext, ciphertext)) return refuse('MOUNT_DIGEST_MISMATCH', dataset);
  }
  return undefined;
}
