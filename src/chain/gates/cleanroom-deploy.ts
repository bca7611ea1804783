/** cleanroom.deploy: may this clean room be brought up, with this code and this pipeline? */
import { equal } from '../../core/bytes.ts';
import { IN_FORCE_FAULTS } from '../in-force.ts';
import { CLEANROOM } from '../records/cleanroom.ts';
import { refuse } from '../refusal.ts';
import { contractsFault } from '../release-fault.ts';
import { blockedFault, codeFault } from '../room-standing.ts';
import { did, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { declareGate } from './gate.ts';
import { deadlineFault, ROOM_FAULTS } from './room-faults.ts';

export const deploy = declareGate({
  step: 'cleanroom.deploy',
  question:
    'Is the clean room deployed for this code and pipeline, under contracts in force, and not blocked?',
  members: {
    cleanroom: urn('cleanroom'),
    deployer: did,
    code: urn('code'),
    /** Commitment to the whole pipeline. */
    pipeline: digest,
  },
  reasons: {
    ...ROOM_FAULTS,
    ...IN_FORCE_FAULTS,
    CODE_REVOKED: 'The code was revoked, or its certification has ended.',
    DEPLOYER_MISMATCH: 'Another participant has deployed the clean room.',
    CODE_MISMATCH: 'The clean room was deployed for other code.',
    PIPELINE_CHANGED: 'The clean room was deployed for another pipeline.',
  },
  decide({ read, at }, { cleanroom, deployer, code, pipeline }) {
    const room = CLEANROOM.read(read, cleanroom);
    if (!room) return refuse('CLEANROOM_NOT_FOUND');
    if (room.deployer !== deployer) return refuse('DEPLOYER_MISMATCH');
    if (room.code !== code) return refuse('CODE_MISMATCH');
    if (!equal(room.pipeline, pipeline)) return refuse('PIPELINE_CHANGED');
    // A room that holds a key is not brought up a second time.
    if (room.state !== 'PROVISIONED' && room.state !== 'ATTESTED') {
      return refuse('CLEANROOM_STATE_WRONG', room.state);
    }
    return (
      deadlineFault(room, at) ??
      contractsFault(read, room, at) ??
      codeFault(read, code, at) ??
      blockedFault(read, room, at)
    );
  },
});
